"""The function ``fillmask.batch``: files through a verb into parts, one file, or standard output."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fillmask.errors import InputError, JobError
from fillmask.files import job
from fillmask.files.inputs import Inputs
from fillmask.files.limits import ErrorLimit, Shard, parse_error_limit, parse_shard
from fillmask.files.opening import JobOptions, check_unloaded, open_maker
from fillmask.files.outputs import Output, find_output
from fillmask.files.part_maker import PartMaker, State
from fillmask.files.parts import Counts, PartFolder
from fillmask.files.row_parameters import plain_parameters
from fillmask.pipeline import FillMask
from fillmask.runtime.providers import Provider

ROWS_PER_PART = 10_000


def batch(  # noqa: PLR0913 -- one parameter an option
    verb: str,
    inputs: str | Path | Iterable[str | Path],
    out: str | Path,
    *,
    model: str | Path | FillMask | None = None,
    variant: str = "auto",
    providers: Sequence[Provider] | None = None,
    threads: int = 1,
    parameters: Mapping[str, Any] | None = None,
    text_column: str = "text",
    id_column: str | None = None,
    keep: str = "all",
    flat: bool = False,
    output_format: str | None = None,
    input_format: str | None = None,
    rows_per_part: int = ROWS_PER_PART,
    shard: str | None = None,
    max_errors: int | str | None = None,
    force: bool = False,
    batch_size: int | None = None,
    workers: int | None = None,
    hash_inputs: bool = False,
    ray: str | None = None,
    report: Callable[[State], None] | None = None,
) -> Counts:
    """Run files of any size through a verb.

    The output has the rows of the inputs, in their order. A row that the verb refuses, or that cannot be parsed, has
    ``error`` and ``error_type`` instead of a result. The same call resumes a job that was stopped.

    Args:
        verb: ``"predict"``, ``"score"``, ``"marginals"``, ``"rank"``, ``"infill"`` or ``"classify"``.
        inputs: Files, folders and glob patterns, or ``"-"`` for standard input. Files end in ``.jsonl``, ``.csv``,
            ``.tsv``, ``.txt`` (one text a line) or ``.parquet``; all but Parquet also in ``.gz``, ``.xz`` or ``.zst``.
        out: A folder for parts; a file that ends in ``.jsonl``, ``.csv``, ``.tsv`` or ``.parquet``; or ``"-"`` for
            standard output, which cannot be resumed.
        model: A model folder, a hub id, a loaded ``FillMask``, or None for the embedded English model.
        variant: As in ``FillMask``. A loaded model takes neither it nor ``providers`` and ``threads``.
        providers: As in ``FillMask``.
        threads: Threads of one run.
        parameters: The verb's parameters, such as ``{"top_k": 3}``, as in the method of ``FillMask`` with its name. A
            job takes neither ``words``, ``filled``, ``slots`` and ``strict_targets`` of ``predict``, nor its targets
            for each mask, nor ``slots`` of ``rank``.
        text_column: The column of the texts.
        id_column: The column that identifies a row. None adds the column ``row``, and ``file`` if there are several.
        keep: ``"all"`` keeps the columns of the input, ``"id"`` only the id.
        flat: One record for each mask and rank, or for each word; CSV and TSV are always flat.
        output_format: ``"jsonl"``, ``"csv"``, ``"tsv"`` or ``"parquet"``; None for what ``out`` ends in, else JSONL.
        input_format: One of these or ``"lines"``; None for what the files end in.
        rows_per_part: Rows of a part.
        shard: ``"2/8"`` makes every eighth part from the second on. Machines that share a folder each take a shard.
        max_errors: Stops after the part in which more rows than this have no result: a number, or a share as ``"1%"``.
        force: Start over if ``out`` exists.
        batch_size: Rows of one run. None is 16 if texts of equal length keep each other's scores, else 1; on a GPU 64.
        workers: Runs at the same time; None is one for each core. With Ray they are actors of ``threads`` CPUs.
        hash_inputs: Record the SHA-256 of the inputs, so that a copy with another time of change is the same job.
        ray: The address of a Ray cluster that makes the parts; ``""`` for the one that Ray finds, or starts here.
        report: Receives the state of the job a few times a second.

    Returns:
        The totals; of a shard, those of the parts that exist.

    Raises:
        InputError: An argument is wrong, an input cannot be opened, or ``out`` holds another job.
        ArtifactError: The model cannot be opened.
        JobError: The job stopped: an input is cut off or changed, a file cannot be written, or too many rows have no
            result.
    """
    output = find_output(out, output_format, shard)
    options = JobOptions(
        verb=verb, inputs=inputs, output_format=output.format, parameters=plain_parameters(parameters or {}),
        model=model, variant=variant, providers=providers, threads=threads,
        text_column=text_column, id_column=id_column, keep=keep, flat=flat, input_format=input_format,
        rows_per_part=rows_per_part, batch_size=batch_size, workers=workers, hash_inputs=hash_inputs,
    )  # fmt: skip
    return _run(options, output, _Course(parse_shard(shard), parse_error_limit(max_errors), force, ray, report))


@dataclass(frozen=True, slots=True)
class _Course:
    """How a job is run: what its bytes do not depend on."""

    shard: Shard
    limit: ErrorLimit
    force: bool
    ray: str | None
    report: Callable[[State], None] | None

    def check(self, options: JobOptions, output: Output) -> None:
        """Refuse what a loaded model, standard output or Ray cannot do.

        Raises:
            InputError: How to load a model that is loaded; on standard output what is for a folder; or with Ray a shard
                or an output without parts.
        """
        threads = options.threads if self.ray is None else 1  # with Ray also the CPUs of an actor
        check_unloaded(options.model, variant=options.variant, providers=options.providers, threads=threads)
        of_folder = {"force": self.force, "hash_inputs (--hash)": options.hash_inputs}
        if output.folder is None and any(of_folder.values()):
            unused = " and ".join(name for name, given in of_folder.items() if given)
            raise InputError(f"a job on standard output is not recorded, so leave out {unused}, or choose a folder")
        if self.ray is not None and self.shard != Shard():
            raise InputError("Ray makes every part; take either a shard or Ray")
        if self.ray is not None and output.folder is None:
            raise InputError("Ray makes parts; choose a file or a folder as the output")

    def check_inputs(self, inputs: Inputs) -> None:
        """Refuse standard input where several processes would read it.

        Raises:
            InputError: There is a shard, or Ray.
        """
        if inputs.stdin is not None and (self.shard != Shard() or self.ray is not None):
            raise InputError("standard input is read by one process; take neither a shard nor Ray")


def _run(options: JobOptions, output: Output, course: _Course) -> Counts:
    course.check(options, output)
    options.check()
    inputs = options.find_inputs()
    before = job.describe_inputs(inputs)
    output.check_apart(inputs)
    course.check_inputs(inputs)
    maker = open_maker(options, inputs, course.report)
    if output.folder is None:
        _stream(maker, course.limit)
        job.check_inputs(inputs, before)
        return maker.totals
    with _readable():
        output.check_new(force=course.force)
        folder = job.start(output.folder, options.describe(maker.runner), force=course.force)

    def make() -> None:
        _make(maker, folder, options, course)
        job.check_inputs(inputs, before)

    return _write(maker, replace(output, folder=folder), folder, make, course.limit)


@contextmanager
def _readable() -> Iterator[None]:
    """Name a folder that this user may not read: it is a wrong output, and no job that stopped."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read: {error.strerror}; choose another output") from error


def _make(maker: PartMaker, folder: PartFolder, options: JobOptions, course: _Course) -> None:
    """Make the parts that are missing, here or on Ray."""
    if course.ray is None:
        maker.make(folder, course.shard, course.limit)
        return
    from fillmask.files.ray_parts import make_on_ray

    make_on_ray(maker, folder, course.limit, options, address=course.ray)


def _write(maker: PartMaker, output: Output, folder: PartFolder, make: Callable[[], None], limit: ErrorLimit) -> Counts:
    finished = folder.finished()
    if finished is None or not output.is_complete(finished):
        make()
        if maker.missing:
            return maker.totals
        finished = maker.totals
        folder.check_began()
        folder.check_parts(finished.parts)
        output.join(finished.parts)
        folder.finish(finished)
    if output.file is not None:
        folder.remove_parts()
    limit.check(finished)
    return finished


def _stream(maker: PartMaker, limit: ErrorLimit) -> None:
    try:
        number = sys.stdout.fileno()
    except OSError:  # a stand-in without a file
        maker.stream(sys.stdout.buffer, limit)
        return
    try:
        # Not sys.stdout.buffer: bytes that a full disk does not take would fail once more when Python ends.
        with open(number, "wb", closefd=False) as file:
            maker.stream(file, limit)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise JobError(f"standard output cannot be written: {error.strerror}") from error
