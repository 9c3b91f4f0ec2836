"""Which files the inputs of a job name, their formats, and what the output calls them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from glob import glob, has_magic
from pathlib import Path

from fillmask.errors import InputError
from fillmask.files.streams import COMPRESSIONS

FORMATS = ("jsonl", "csv", "tsv", "lines", "parquet")
_SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "lines",
    ".parquet": "parquet",
}


def expand(name: str | Path) -> list[Path]:
    """The files of a name: of a folder those of known formats, by name; of a pattern those that match.

    Raises:
        InputError: There is none, the name is that of a pipe or a device, or it cannot be read.
    """
    try:
        return _expand(Path(name), str(name))
    except OSError as error:  # a name that is too long, or a folder that this user may not read
        raise InputError(f"{str(error.filename or name)[:200]} cannot be read: {error.strerror}") from error


def name_files(paths: Sequence[Path]) -> tuple[str, ...]:
    """Name files by their places below the folder that holds all of them, however their paths were given."""
    folders = {parent: os.path.realpath(parent) for parent in {path.parent for path in paths}}
    files = [os.path.join(folders[path.parent], path.name) for path in paths]
    try:
        common = os.path.commonpath([*folders.values()])
    except ValueError:  # two drives of Windows
        return tuple(Path(file).as_posix() for file in files)
    return tuple(Path(os.path.relpath(file, common)).as_posix() for file in files)


def format_of(path: Path) -> str | None:
    """The format that a file's name says, compressed or not; None if it says none."""
    inner = path.with_suffix("") if path.suffix in COMPRESSIONS else path
    return _SUFFIXES.get(inner.suffix)


def known_format(path: Path) -> str:
    """The format that a file's name says.

    Raises:
        InputError: It says none.
    """
    found = format_of(path)
    if found is None:
        raise InputError(f"{path} has none of the endings {', '.join(_SUFFIXES)}; name its format, one of "
                         f"{', '.join(FORMATS)}")  # fmt: skip
    return found


def _expand(path: Path, name: str) -> list[Path]:
    if path.is_dir():
        return _files_of(path)
    if not path.exists() and has_magic(name):
        return _matching(name)
    if not path.exists():
        raise InputError(f"{path} does not exist")
    if not path.is_file():  # what was read of a pipe does not come again
        raise InputError(f"{path} is neither a file nor a folder, and a job reads its inputs more than once; write the "
                         f"rows of a pipe to standard input, which is '-'")  # fmt: skip
    return [path]


def _files_of(folder: Path) -> list[Path]:
    files = [each for each in sorted(folder.iterdir()) if each.is_file() and each.name[0] not in "._"]
    found = [each for each in files if format_of(each)]
    if not found:
        raise InputError(f"{folder} holds no file that ends in {', '.join(_SUFFIXES)}")
    return found


def _matching(pattern: str) -> list[Path]:
    _check_readable(Path(pattern))
    found = [Path(each) for each in sorted(glob(pattern, recursive=True)) if Path(each).is_file()]
    if not found:
        raise InputError(f"no file matches {pattern}")
    return found


def _check_readable(pattern: Path) -> None:
    """List each folder that a pattern searches: ``glob`` passes over those that this user may not read."""
    for part in (pattern, *pattern.parents):
        for folder in glob(str(part.parent), recursive=True) if has_magic(part.name) else []:
            if os.path.isdir(folder):
                os.scandir(folder).close()
