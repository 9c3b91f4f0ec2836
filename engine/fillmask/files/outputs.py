"""Where a job writes: a folder of parts, one file beside such a folder, or standard output."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fillmask.errors import InputError
from fillmask.files import writers
from fillmask.files.inputs import Inputs
from fillmask.files.parts import Counts, PartFolder, replacing
from fillmask.files.paths import format_of
from fillmask.files.streams import import_pyarrow
from fillmask.files.writers import OUTPUT_FORMATS

STDOUT = "-"


@dataclass(frozen=True, slots=True)
class Output:
    """Where a job writes: ``folder`` holds the parts, None for standard output; ``file`` is what they are joined to."""

    format: str
    folder: PartFolder | None
    file: Path | None

    def check_apart(self, inputs: Inputs) -> None:
        """Refuse to write over an input, or beside one.

        Raises:
            InputError: The output is an input, or its folder holds one.
        """
        paths = {path.resolve() for path in inputs.paths}
        if self.file is not None and self.file.resolve() in paths:
            raise InputError(f"{self.file} is an input")
        if self.folder is not None and self.folder.path.resolve() in {path.parent for path in paths}:
            raise InputError(f"{self.folder.path} holds an input; choose another folder for the output")

    def check_new(self, *, force: bool) -> None:
        """Refuse to replace a file that no job made.

        Raises:
            InputError: There is one, and ``force`` is not given.
        """
        if self.file is None or self.folder is None or force:
            return
        if self.file.exists() and not self.folder.path.exists():
            raise InputError(f"{self.file} exists; choose another output, or start over with force")

    def is_complete(self, counts: Counts) -> bool:
        """Whether nothing was removed since the job ended."""
        if self.file is not None:
            return self.file.exists()
        return self.folder is None or all(self.folder.counts(index) is not None for index in range(counts.parts))

    def join(self, parts: int) -> None:
        """Join the parts to the one file, if there is one.

        Raises:
            JobError: It cannot be written, or another process started the job over.
        """
        if self.file is not None and self.folder is not None:
            with replacing(self.file, self.folder.check_began) as joined:
                writers.join(self.format, [self.folder.part(index) for index in range(parts)], joined)


def find_output(out: str | Path, wanted: str | None, shard: str | None) -> Output:
    """Find out where a job writes, and in which format.

    Args:
        out: A folder, a file of a known ending, or ``"-"``.
        wanted: The format, None for what the ending says, else JSONL.
        shard: The shard, which needs a folder.

    Raises:
        InputError: They do not go together.
    """
    path = Path(out)
    by_ending = format_of(path) if path.suffix in (f".{each}" for each in OUTPUT_FORMATS) else None
    chosen = wanted or by_ending or "jsonl"
    if chosen not in OUTPUT_FORMATS:
        raise InputError(f"format must be one of {', '.join(OUTPUT_FORMATS)}, got {chosen!r}")
    if by_ending is not None and by_ending != chosen:
        raise InputError(f"{path} says {by_ending}, and the format is {chosen}")
    if chosen == "parquet":
        import_pyarrow("Parquet", "pyarrow.parquet")
    one_file = str(out) == STDOUT or by_ending is not None
    if one_file and shard is not None:
        raise InputError("a shard needs a folder as its output")
    if str(out) == STDOUT and chosen == "parquet":
        raise InputError("Parquet needs a file or a folder as its output")
    if str(out) == STDOUT:
        return Output(chosen, None, None)
    folder = path.with_name(f"{path.name}.job") if by_ending else path
    return Output(chosen, PartFolder(folder, f".{chosen}"), path if by_ending else None)
