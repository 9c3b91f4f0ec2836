"""The function ``fillmask.batch``: files through a verb into parts, one file, or standard output."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fillmask.errors import InputError, JobError
from fillmask.files import job, writers
from fillmask.files.inputs import FORMATS, Inputs, find_inputs, format_of
from fillmask.files.limits import ErrorLimit, Shard, parse_error_limit, parse_shard
from fillmask.files.part_maker import PartMaker, State
from fillmask.files.parts import Counts, PartFolder, replacing
from fillmask.files.records import KEEP, Layout
from fillmask.files.runner import Runner, choose_batches
from fillmask.files.streams import import_pyarrow
from fillmask.files.verbs import VERBS
from fillmask.files.writers import OUTPUT_FORMATS
from fillmask.loading import load_model
from fillmask.model import Model
from fillmask.notices import warn
from fillmask.pipeline import FillMask
from fillmask.runtime.providers import Provider

ROWS_PER_PART = 10_000
STDOUT = "-"


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
    report: Callable[[State], None] | None = None,
) -> Counts:
    """Run files of any size through a verb.

    The output has the rows of the inputs, in their order. A row that the verb refuses, or that cannot be parsed, has
    ``error`` and ``error_type`` instead of a result. The same call resumes a job that was stopped.

    Args:
        verb: ``"predict"`` or ``"score"``.
        inputs: Files, folders and glob patterns. ``.jsonl``, ``.csv``, ``.tsv``, ``.txt`` (one text a line) and
            ``.parquet``; all but Parquet also as ``.gz``, ``.xz`` and ``.zst``.
        out: A folder for parts; a file that ends in ``.jsonl``, ``.csv``, ``.tsv`` or ``.parquet``; or ``"-"`` for
            standard output, which cannot be resumed.
        model: A model folder, a hub id, a loaded ``FillMask``, or None for the embedded English model.
        variant: As in ``FillMask``.
        providers: As in ``FillMask``.
        threads: Threads of one run.
        parameters: The verb's parameters, such as ``{"top_k": 3}``, as in the method of ``FillMask`` with its name.
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
        batch_size: Rows of one run. None is 16 if the model is batch-invariant, else 1; on a GPU 64.
        workers: Runs at the same time; None is one for each core.
        report: Receives the state of the job a few times a second.

    Returns:
        The totals; of a shard, those of the parts that exist.

    Raises:
        InputError: An argument is wrong, an input cannot be opened, or ``out`` holds another job.
        ArtifactError: The model cannot be opened.
        JobError: The job stopped: an input is cut off, a file cannot be written, or too many rows have no result.
    """
    _check(verb, keep, rows_per_part, input_format)
    VERBS[verb].check_names(parameters or {})
    output = _find_output(out, output_format, shard)
    limits = parse_shard(shard), parse_error_limit(max_errors)
    found = find_inputs(inputs, input_format=input_format, text=text_column, id_column=id_column)
    _check_apart(found, output)
    layout = Layout(VERBS[verb], found, keep, flat or output.format in ("csv", "tsv"), output.format != "jsonl")
    layout.check()
    loaded = _load(model, variant, providers, threads)
    resolved = _resolve(loaded, verb, parameters or {})
    runner = Runner(loaded, layout, resolved, choose_batches(loaded, batch_size, workers))
    maker = PartMaker(runner, output.format, rows_per_part, report)
    if output.folder is None:
        return _stream(maker, limits[1])
    description = job.describe(runner, parameters or {}, output_format=output.format, rows_per_part=rows_per_part)
    return _write(maker, output, description, limits, force=force)


def _check(verb: str, keep: str, rows_per_part: int, input_format: str | None) -> None:
    if verb not in VERBS:
        raise InputError(f"verb must be one of {', '.join(VERBS)}, got {verb!r}")
    if keep not in KEEP:
        raise InputError(f"keep must be one of {', '.join(KEEP)}, got {keep!r}")
    if isinstance(rows_per_part, bool) or not isinstance(rows_per_part, int) or rows_per_part < 1:
        raise InputError(f"rows_per_part must be a whole number from 1 on, got {rows_per_part!r}")
    if input_format is not None and input_format not in FORMATS:
        raise InputError(f"input_format must be one of {', '.join(FORMATS)}, got {input_format!r}")


@dataclass(frozen=True, slots=True)
class _Output:
    """Where a job writes: ``folder`` holds the parts, None for standard output; ``file`` is what they are joined to."""

    format: str
    folder: PartFolder | None
    file: Path | None


def _find_output(out: str | Path, wanted: str | None, shard: str | None) -> _Output:
    path = Path(out)
    said = format_of(path) if path.suffix in (f".{each}" for each in OUTPUT_FORMATS) else None
    chosen = wanted or said or "jsonl"
    if chosen not in OUTPUT_FORMATS:
        raise InputError(f"format must be one of {', '.join(OUTPUT_FORMATS)}, got {chosen!r}")
    if said is not None and said != chosen:
        raise InputError(f"{path} says {said}, and the format is {chosen}")
    if chosen == "parquet":
        import_pyarrow("Parquet", "pyarrow.parquet")
    one_file = str(out) == STDOUT or said is not None
    if one_file and shard is not None:
        raise InputError("a shard needs a folder as its output")
    if str(out) == STDOUT and chosen == "parquet":
        raise InputError("Parquet needs a file or a folder as its output")
    if str(out) == STDOUT:
        return _Output(chosen, None, None)
    folder = path.with_name(f"{path.name}.job") if said else path
    return _Output(chosen, PartFolder(folder, f".{chosen}"), path if said else None)


def _check_apart(inputs: Inputs, output: _Output) -> None:
    paths = {path.resolve() for path in inputs.paths}
    if output.file is not None and output.file.resolve() in paths:
        raise InputError(f"{output.file} is an input")
    if output.folder is not None and output.folder.path.resolve() in {path.parent for path in paths}:
        raise InputError(f"{output.folder.path} holds an input; choose another folder for the output")


def _load(
    model: str | Path | FillMask | None, variant: str, providers: Sequence[Provider] | None, threads: int
) -> Model:
    if isinstance(model, FillMask):
        return model.model
    loaded = load_model(model, variant=variant, providers=providers, threads=threads)
    warn(loaded.notices)
    return loaded


def _resolve(model: Model, verb: str, parameters: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- each verb has its own
    try:
        resolved = VERBS[verb].verb.resolve(model, **parameters)
    except InputError as error:
        warn(error.notices)
        raise
    warn(resolved.notices)
    return resolved.value


def _write(
    maker: PartMaker, output: _Output, description: Mapping[str, Any], limits: tuple[Shard, ErrorLimit], *, force: bool
) -> Counts:
    folder, file = output.folder, output.file
    if folder is None:
        raise AssertionError("standard output has no parts")
    if file is not None and file.exists() and not folder.path.exists() and not force:
        raise InputError(f"{file} exists; choose another output, or start over with force")
    job.start(folder, description, force=force)
    finished = folder.finished()
    if finished is None or not _is_complete(output, folder, finished):
        maker.make(folder, *limits)
        if maker.missing:
            return maker.totals
        finished = maker.totals
        if file is not None:
            with replacing(file) as joined:
                writers.join(output.format, [folder.part(index) for index in range(finished.parts)], joined)
        folder.finish(finished)
    if file is not None:
        folder.remove_parts()
    limits[1].check(finished)
    return finished


def _is_complete(output: _Output, folder: PartFolder, counts: Counts) -> bool:
    """Whether nothing was removed since the job ended."""
    if output.file is not None:
        return output.file.exists()
    return all(folder.counts(index) is not None for index in range(counts.parts))


def _stream(maker: PartMaker, limit: ErrorLimit) -> Counts:
    try:
        number = sys.stdout.fileno()
    except OSError:  # a stand-in without a file
        maker.stream(sys.stdout.buffer, limit)
        return maker.totals
    try:
        # Not sys.stdout.buffer: bytes that a full disk does not take would fail once more when Python ends.
        with open(number, "wb", closefd=False) as file:
            maker.stream(file, limit)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise JobError(f"standard output cannot be written: {error.strerror}") from error
    return maker.totals
