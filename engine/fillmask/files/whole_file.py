"""Files that are written completely or not at all, and a check beforehand that they can be."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import gethostname
from typing import IO

_IN_PLACE = {errno.EBUSY, errno.EACCES, errno.EPERM, errno.EXDEV}
# What file systems that cannot flush a folder say: CIFS, shared folders of virtual machines, some of FUSE.
_NO_FLUSH = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF}
_BUFFER = 1 << 18  # bytes of one write; a row has about a thousand


@contextmanager
def replacing(path: Path, check: Callable[[], None] | None = None) -> Iterator[IO[bytes]]:
    """Write a file under a temporary name in its folder; at the end it is flushed to the disk and renamed.

    Args:
        path: The file.
        check: Is called just before the file is renamed, and may raise.

    Raises:
        OSError: It cannot be written.
    """
    temporary = _temporary(path)
    try:
        with temporary.open("wb", _BUFFER) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if check is not None:
            check()
        if path.exists():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        os.replace(temporary, path)
        sync_folder(path.parent)
    except BaseException:
        _remove(temporary)
        raise


def write_whole(path: Path, content: bytes) -> None:
    """Write a file completely or not at all, where it can be replaced.

    A link stays one, an existing file keeps its mode, and a pipe or a device is written as it is.

    Raises:
        OSError: It cannot be written.
    """
    if _is_special(path):
        path.write_bytes(content)
        return
    path = _behind_links(path)
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        # One that is mounted by itself, or in a folder that takes no new files, can only be written as it is.
        if error.errno not in _IN_PLACE or not path.exists():
            raise
        path.write_bytes(content)


def write_new(path: Path, content: bytes) -> None:
    """Write a file completely, unless there is one: of several processes that do so, the first one wins.

    Where the file system has no hard links, the last one may win.

    Raises:
        OSError: It cannot be written.
    """
    temporary = _temporary(path)
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _link(temporary, path)
    finally:
        _remove(temporary)
    sync_folder(path.parent)


def check_writable(path: Path) -> None:
    """Try whether ``write_whole`` can write a file, before the work whose result it is to hold. Nothing is changed.

    Raises:
        OSError: The folder is missing or takes no new file, or the file exists and cannot be written.
    """
    if _is_special(path):
        return  # a pipe that is opened and closed tells its reader that it ended
    path = _behind_links(path)
    if path.exists():
        return path.open("ab").close()
    temporary = _temporary(path)
    try:
        temporary.open("wb").close()
    finally:
        _remove(temporary)


def sync_folder(folder: Path) -> None:
    """Flush the names of a folder's files to the disk, where the file system can.

    Raises:
        OSError: It can, and failed.
    """
    if os.name != "posix":
        return  # Windows opens no folders
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FLUSH:
            raise
    finally:
        os.close(descriptor)


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _behind_links(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp-{gethostname()}-{os.getpid()}")


def _link(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    except OSError:  # such as on FAT
        os.replace(temporary, path)


def _remove(temporary: Path) -> None:
    with suppress(OSError):  # such as a folder that is none; the first error is the one that counts
        temporary.unlink()
