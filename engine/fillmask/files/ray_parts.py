"""The parts of a job, made by a Ray cluster: the same parts, bytes and layout as on one machine.

Ray gets descriptions of the missing parts, never rows. An actor reads the rows of a part from shared storage, runs them
and renames the part, so that it does no harm if Ray runs a part twice.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from socket import gethostname
from typing import Any

import numpy as np

from fillmask.environment import cpu_model
from fillmask.errors import FillMaskError, JobError
from fillmask.files import job
from fillmask.files.limits import ErrorLimit
from fillmask.files.opening import JobOptions, open_maker
from fillmask.files.part_maker import PartMaker, find_places
from fillmask.files.parts import Counts, PartFolder
from fillmask.files.ray_cluster import map_items
from fillmask.files.rows import Place
from fillmask.notices import Notice, warn


@dataclass(frozen=True, slots=True)
class RayJob:
    """What an actor opens a job from.

    Attributes:
        options: The options, with the files that the driver found.
        folder: The folder of the parts, which every machine has at this path.
        description: The job as the driver sees it.
        working_folder: What relative paths are relative to.
    """

    options: JobOptions
    folder: PartFolder
    description: Mapping[str, Any]
    working_folder: str

    def open(self) -> PartMaker:
        """Open the job in an actor.

        Raises:
            FillMaskError: The inputs or the model cannot be opened, or differ from those of the driver.
        """
        with suppress(FileNotFoundError):  # absolute paths do not need it
            os.chdir(self.working_folder)
        maker = open_maker(self.options, self.options.find_inputs())
        difference = job.find_difference(self.description, self.options.describe(maker.runner))
        if difference is not None:
            raise JobError(f"the job of this machine is another one than the driver's: {difference}")
        return maker


class PartWorker:
    """An actor that makes parts.

    Args:
        ray_job: The job.
    """

    def __init__(self, ray_job: RayJob) -> None:
        self._folder = ray_job.folder
        self._maker: PartMaker | None = None
        self._error = ""
        try:
            self._maker = ray_job.open()
        except FillMaskError as error:
            self._error = f"{gethostname()}: {error}"

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Make the parts of a batch.

        Args:
            batch: ``index``, ``file``, ``row``, ``line`` and ``offset``, ``int64[n]`` each.

        Returns:
            One summary for each part, by column: its counts, what stopped it or nothing, the CPU and the process.
        """
        places = zip(*(batch[name].tolist() for name in ("index", "file", "row", "line", "offset")), strict=True)
        summaries = [self._make(index, Place(*place)) for index, *place in places]
        return {name: np.array([summary[name] for summary in summaries]) for name in summaries[0]}

    def _make(self, index: int, place: Place) -> dict[str, Any]:
        counts, error = Counts(), self._error
        if self._maker is not None:
            try:
                counts = self._maker.make_at(self._folder, index, place)
            except FillMaskError as stopped:
                error = f"{gethostname()}: {stopped}"
        return asdict(counts) | {"error": error, "cpu": cpu_model()}


def make_on_ray(maker: PartMaker, folder: PartFolder, limit: ErrorLimit, options: JobOptions, *, address: str) -> None:
    """Make the missing parts of a job on a Ray cluster.

    Args:
        maker: The job as the driver opened it; it counts what is made.
        folder: The folder of the parts.
        limit: How many rows may be without a result.
        options: The options of the job.
        address: Of the cluster; empty for the one that Ray finds, or starts here.

    Raises:
        InputError: Ray is not installed, or there is no such cluster.
        JobError: The job of an actor differs, a part cannot be made, or too many rows have no result.
    """
    missing = _find_missing(maker, folder)
    limit.check(maker.totals)
    if not missing:
        return
    inputs = maker.runner.layout.inputs
    ray_job = RayJob(
        # In an actor the threads are its CPUs, and ``workers`` is the number of actors.
        replace(options, inputs=inputs.paths, input_format=inputs.format, workers=1),
        replace(folder, path=folder.path.absolute()),
        options.describe(maker.runner),
        str(Path.cwd()),
    )
    running = map_items(
        missing,
        PartWorker,
        {"ray_job": ray_job},
        address=address,
        actors=options.workers,
        cpus=options.threads,
        memory=maker.runner.model.resident_bytes,
    )
    with closing(running) as summaries:  # the job ends with an error here, not when that is forgotten
        _count(maker, summaries, limit, parts=len(missing))


def _find_missing(maker: PartMaker, folder: PartFolder) -> list[dict[str, int]]:
    """Describe the parts that are missing, and count the others."""
    missing = []
    for index, place in enumerate(find_places(maker.runner.layout.inputs, maker.rows_per_part)):
        counts = folder.counts(index)
        if counts is None:
            missing.append({"index": index, **asdict(place)})
        else:
            maker.totals.add(counts)
    return missing


def _count(maker: PartMaker, summaries: Iterator[Mapping[str, Any]], limit: ErrorLimit, *, parts: int) -> None:
    cpus: set[str] = set()
    made, before = 0, maker.totals.parts
    maker.report_fraction(before / (before + parts), made)
    for summary in summaries:
        if summary["error"]:
            raise JobError(summary["error"])
        cpus.add(summary["cpu"])
        maker.totals.add(Counts(**{name: int(summary[name]) for name in asdict(maker.totals)}))
        made += int(summary["rows"])
        maker.report_fraction(maker.totals.parts / (before + parts), made)
        limit.check(maker.totals)
    if maker.totals.parts != before + parts:
        raise JobError(f"Ray made {maker.totals.parts - before} of {parts} parts; the same command makes the others")
    _note_cpus(sorted(cpus))


def _note_cpus(cpus: Sequence[str]) -> None:
    if len(cpus) > 1:
        message = f"the parts were made on {' and '.join(cpus)}; scores of the two may differ in their last bits"
        warn([Notice(UserWarning, message)])
