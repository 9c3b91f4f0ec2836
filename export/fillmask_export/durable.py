"""Files that are on the disk when they have their names, and locks that end with their process."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from fillmask.files.whole_file import sync_folder


def sync_tree(folder: Path) -> None:
    """Flush every file below a folder, and the folders, to the disk, so that a power cut after a rename loses none."""
    for path in (*folder.rglob("*"), folder):
        sync(path)


def sync(path: Path) -> None:
    """Flush a file or a folder to the disk; a file system that cannot flush a folder is no error."""
    if path.is_dir():
        return sync_folder(path)
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; at the end the file is flushed and renamed to ``path``, and an error removes it.

    The name is the same in each process, so that the next one overwrites the large file that a killed one left.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        yield partial
        sync(partial)
        os.replace(partial, path)
        sync(path.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_json(path: Path, content: object) -> None:
    """Write a JSON file completely or not at all."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def has_locks() -> bool:
    """Whether the system has the locks of ``try_lock``; Windows has not."""
    return find_spec("fcntl") is not None


def try_lock(path: Path) -> IO[bytes] | None:
    """Lock a file until it is closed or the process ends; makes the file.

    Returns:
        The open file, or None if another process has locked it, or removed it meanwhile. Without ``has_locks`` the
        file is never locked, and getting it says nothing about other processes.
    """
    file = path.open("ab")
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
    except ModuleNotFoundError:
        return file
    except (BlockingIOError, FileNotFoundError):
        pass
    file.close()
    return None
