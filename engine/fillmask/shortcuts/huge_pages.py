"""Huge pages for the memory of a model: calls of MiniLM in int8 are 1.1 times as fast (a virtual machine, Intel).

Each run reads all weights. In pages of 4 kB they are more pages than the CPU's table of pages (TLB) holds, so that it
looks most of them up in memory. Where Linux gives huge pages on request only, nobody requests them for ONNX Runtime.
No byte changes.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic

# Of a session, before it gets huge pages: a process that ends soon pays nothing, and the memory of its runs is there.
# The move takes 22 to 106 ms for MiniLM. Beside two workers with batches of 16 it takes 450 ms; batches are 1.08 times
# as fast then (virtual machine with an Intel CPU).
RUNS = 16
THREAD = "fillmask-huge-pages"
_SETTINGS = Path("/sys/kernel/mm/transparent_hugepage")
_MAPPINGS = Path("/proc/self/maps")
_MADV_HUGEPAGE, _MADV_COLLAPSE = 14, 25  # the second, which takes effect at once, is of Linux 6.1
_MAX_PAGE = 32 << 20  # one of 512 MB, as with base pages of 64 kB, is larger than most models
_MAX_SECONDS = 10.0  # of one core


def read_mappings() -> bytes:
    """The process's mappings as Linux lists them; nothing on another system."""
    try:
        return _MAPPINGS.read_bytes() if sys.platform == "linux" else b""
    except OSError:
        return b""


def collapse_in_background(before: bytes) -> None:
    """As ``collapse``, in a thread of its own, which ends with the process; where none can start, pages stay small."""
    with suppress(RuntimeError):
        threading.Thread(target=collapse, args=(before,), name=THREAD, daemon=True).start()


def collapse(before: bytes) -> int:
    """Move memory that was mapped since ``read_mappings`` gave ``before`` to huge pages.

    A page is moved if seven eighths of it are resident, so what is resident there grows by a seventh at most.

    Returns:
        Bytes that are in huge pages now, or will be where Linux is older than 6.1. 0 where huge pages are disabled.
    """
    size = _page_size()
    if not before or not size:
        return 0
    libc = ctypes.CDLL(None)
    end = monotonic() + _MAX_SECONDS
    return sum(size for start in _pages(before, size) if monotonic() < end and _collapse(libc, start, size))


def _page_size() -> int:
    """Bytes of a huge page; 0 where the administrator disabled them."""
    try:
        enabled = (_SETTINGS / "enabled").read_text()
        size = int((_SETTINGS / "hpage_pmd_size").read_text())
    except (OSError, ValueError):
        return 0
    return 0 if "[never]" in enabled or size > _MAX_PAGE else size


def _pages(before: bytes, size: int) -> Iterator[int]:
    """Addresses of whole huge pages in private memory, without a file, of mappings that are new or have grown."""
    known = set(before.splitlines())
    for line in read_mappings().splitlines():
        addresses, access, _, _, inode, *name = line.split()
        if line in known or access != b"rw-p" or inode != b"0" or name == [b"[stack]"]:
            continue
        start, end = (int(address, 16) for address in addresses.split(b"-"))
        yield from range(-(-start // size) * size, end - size + 1, size)


def _collapse(libc: ctypes.CDLL, start: int, size: int) -> bool:
    address, length = ctypes.c_void_p(start), ctypes.c_size_t(size)
    resident = (ctypes.c_ubyte * (size // os.sysconf("SC_PAGE_SIZE")))()
    if libc.mincore(address, length, resident) or bytes(resident).count(1) < len(resident) * 7 // 8:
        return False
    return not (libc.madvise(address, length, _MADV_COLLAPSE) and libc.madvise(address, length, _MADV_HUGEPAGE))
