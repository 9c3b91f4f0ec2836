"""Opens a job: its options to its inputs and a ``PartMaker``. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fillmask.errors import InputError
from fillmask.files import job
from fillmask.files.inputs import Inputs, find_inputs
from fillmask.files.part_maker import PartMaker, State
from fillmask.files.paths import FORMATS
from fillmask.files.records import KEEP, Layout
from fillmask.files.row_parameters import resolve_parameters
from fillmask.files.runner import Runner, choose_batches
from fillmask.files.verbs import find_verb
from fillmask.loading import load_model
from fillmask.model import Model
from fillmask.notices import warn
from fillmask.pipeline import FillMask
from fillmask.runtime.providers import Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """What a job is made from, as in ``fillmask.batch``. It pickles, so that other processes can open the job."""

    verb: str
    inputs: str | Path | Iterable[str | Path]
    output_format: str
    model: str | Path | FillMask | None
    variant: str
    providers: Sequence[Provider] | None
    threads: int
    parameters: Mapping[str, Any]
    text_column: str
    id_column: str | None
    keep: str
    flat: bool
    input_format: str | None
    rows_per_part: int
    batch_size: int | None
    workers: int | None
    hash_inputs: bool

    def check(self) -> None:
        """Check what needs neither the inputs nor the model.

        Raises:
            InputError: An option is wrong.
        """
        verb = find_verb(self.verb)
        _check_choice("keep", self.keep, KEEP)
        if self.input_format is not None:
            _check_choice("input_format", self.input_format, FORMATS)
        rows = self.rows_per_part
        if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
            raise InputError(f"rows_per_part must be a whole number from 1 on, got {rows!r}")
        verb.check_names(self.parameters)

    def find_inputs(self) -> Inputs:
        """Find the files and check their columns.

        Raises:
            InputError: An input cannot be opened, or has a column that the result needs.
        """
        found = find_inputs(
            self.inputs, input_format=self.input_format, text=self.text_column, id_column=self.id_column
        )
        self.layout(found).check()
        return found

    def describe(self, runner: Runner) -> dict[str, Any]:
        """Describe the job, as in ``_job.json``.

        Raises:
            InputError: An input cannot be read.
        """
        return job.describe(
            runner,
            output_format=self.output_format,
            rows_per_part=self.rows_per_part,
            hash_inputs=self.hash_inputs,
        )

    def layout(self, inputs: Inputs) -> Layout:
        """What the records hold."""
        flat = self.flat or self.output_format in ("csv", "tsv")
        return Layout(find_verb(self.verb), inputs, self.keep, flat, self.output_format != "jsonl")


def open_maker(options: JobOptions, inputs: Inputs, report: Callable[[State], None] | None = None) -> PartMaker:
    """Load the model and resolve the parameters.

    Raises:
        InputError: A parameter is wrong.
        ArtifactError: The model cannot be opened.
    """
    model = _load(options)
    verb = find_verb(options.verb)
    parameters = resolve_parameters(model, verb, options.parameters)
    concurrency = choose_batches(model, options.batch_size, options.workers, alone=verb.alone)
    runner = Runner(model, options.layout(inputs), parameters, concurrency)
    return PartMaker(runner, options.output_format, options.rows_per_part, report)


def check_unloaded(model: object, *, variant: str, providers: Sequence[Provider] | None, threads: int = 1) -> None:
    """Refuse how to load a model that is loaded already.

    Raises:
        InputError: The model is a ``FillMask``, and one of the others is not its default.
    """
    defaults = {"variant": (variant, "auto"), "providers": (providers, None), "threads": (threads, 1)}
    given = [name for name, (value, default) in defaults.items() if value != default]
    if isinstance(model, FillMask) and given:
        raise InputError(
            f"model is a loaded FillMask, and {', '.join(given)} would change how one is loaded; give the FillMask "
            f"what it needs when it is made, or pass the model's folder or hub id"
        )


def _check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise InputError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


def _load(options: JobOptions) -> Model:
    if isinstance(options.model, FillMask):
        return options.model.model
    loaded = load_model(options.model, variant=options.variant, providers=options.providers, threads=options.threads)
    warn(loaded.notices)
    return loaded
