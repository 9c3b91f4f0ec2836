"""The folder in which an artifact is made, beside its place: it appears there complete or not at all."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from os.path import lexists
from pathlib import Path
from typing import IO

from fillmask_export.durable import has_locks, sync, sync_tree, try_lock
from fillmask_export.errors import ExportError

_LOCK = "lock"
_RANDOM = "[a-z0-9_]{8}"  # what tempfile adds to a prefix


def check_out(out: Path) -> None:
    """Check that a folder can be made.

    Raises:
        ExportError: There is something of this name, if only a link to nothing, or a file where a parent would be.
    """
    if (file := next((parent for parent in out.absolute().parents if parent.is_file()), None)) is not None:
        raise ExportError(f"{out} cannot be made: {file} is a file")
    if out.is_symlink() and not out.exists():
        raise ExportError(f"{out} is a link to nothing; name a folder that does not exist, or remove the link")
    if lexists(out):
        raise ExportError(f"{out} exists; name a folder that does not, an artifact is never written over another")


@contextmanager
def staging(out: Path) -> Iterator[tuple[Path, Path]]:
    """A folder that is renamed to ``out`` at the end, and a folder for temporary files; an error removes both.

    What a killed export to ``out`` left is removed where the system has locks.

    Raises:
        ExportError: Another process exports to ``out``, or something of this name has appeared.
    """
    home = next(parent for parent in out.absolute().parents if parent.is_dir())
    with tempfile.TemporaryDirectory(dir=home, prefix=f".{out.name}-", ignore_cleanup_errors=True) as name:
        made = Path(name)
        with _claim(out, made):
            folder = made / "artifact"
            folder.mkdir()
            yield folder, made
            sync_tree(folder)
            out.parent.mkdir(parents=True, exist_ok=True)
            check_out(out)
            folder.rename(out)
            sync(out.parent)


def _claim(out: Path, made: Path) -> IO[bytes]:
    """Lock a new folder, and remove those that killed exports to the same place left.

    Of two exports that start at the same moment both may see the other: one, or both, are refused.
    """
    lock = try_lock(made / _LOCK)
    if lock is None:
        raise ExportError(f"another process began to export to {out} at the same moment; start again")
    for other in _others(out, made):
        left = try_lock(other / _LOCK)
        if left is None:
            lock.close()
            raise ExportError(f"another process exports to {out}, in {other}; wait for it, or name another folder")
        with left:
            shutil.rmtree(other, ignore_errors=True)
    return lock


def _others(out: Path, made: Path) -> list[Path]:
    """The folders of other exports to the same place; none without locks, which alone tell a killed from a running one.

    The whole name is compared, since the folder of an export to ``out-int8`` begins with ``.out-`` too.
    """
    name = re.compile(re.escape(f".{out.name}-") + _RANDOM)
    found = [lock.parent for lock in made.parent.glob(f".{escape(out.name)}-*/{_LOCK}")] if has_locks() else []
    return [folder for folder in found if folder != made and name.fullmatch(folder.name)]
