"""Huge pages for a model: which memory moves, when, and that no bit of a result changes."""

import ctypes
import mmap
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from fillmask.padding import pad
from fillmask.runtime.session import Session
from fillmask.shortcuts import huge_pages
from tests.support import toys

PAGE = huge_pages._page_size()
BASE_PAGE = 4096


@contextmanager
def mapped(resident=1.0):
    """Memory of five huge pages, of which so much is resident."""
    with mmap.mmap(-1, 5 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory.madvise(mmap.MADV_DONTDUMP)  # so that it stays a mapping of its own, whatever lies beside it
        whole = PAGE // BASE_PAGE
        for page in range(5 * whole):
            if page % whole < whole * resident:
                memory[page * BASE_PAGE] = page % 251
        yield memory


def address_of(memory):
    view = ctypes.c_char.from_buffer(memory)
    address = ctypes.addressof(view)
    del view
    return address


def moves_at_once():
    """Whether Linux has MADV_COLLAPSE (25), and a huge page to give."""
    if not PAGE:
        return False
    with mapped() as memory:
        start = ctypes.c_void_p(-(-address_of(memory) // PAGE) * PAGE)
        return ctypes.CDLL(None).madvise(start, ctypes.c_size_t(PAGE), 25) == 0


def on_request_only():
    return PAGE and "[madvise]" in (huge_pages._SETTINGS / "enabled").read_text()


offered = pytest.mark.skipif(not moves_at_once(), reason="this system moves no memory to huge pages at once")
on_request = pytest.mark.skipif(not on_request_only(), reason="pages are huge from the start")


def huge(memory):
    """Bytes in huge pages, of the mapping that holds some memory."""
    address, found = address_of(memory), None
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, *rest = line.split()
        if "-" in first and not first.endswith(":"):
            start, end = (int(bound, 16) for bound in first.split("-"))
            inside = start <= address < end
        elif inside and first == "AnonHugePages:":
            found = int(rest[0]) * 1024
    return found


@offered
def test_memory_that_was_mapped_since_moves_and_keeps_its_content():
    before = huge_pages.read_mappings()
    with mapped() as memory:
        content = bytes(memory)
        assert huge_pages.collapse(before) >= 3 * PAGE
        assert huge(memory) >= 3 * PAGE
        assert bytes(memory) == content


@offered
def test_memory_that_was_mapped_before_stays():
    with mapped() as memory:
        before = huge(memory)
        huge_pages.collapse(huge_pages.read_mappings())
        assert huge(memory) == before


@offered
@on_request
@pytest.mark.parametrize(("resident", "moves"), [(0.9, True), (0.8, False), (0.0, False)])
def test_a_page_moves_if_seven_eighths_of_it_are_resident(resident, moves):
    before = huge_pages.read_mappings()
    with mapped(resident) as memory:
        had = huge(memory)
        huge_pages.collapse(before)
        assert (huge(memory) - had >= 3 * PAGE) == moves


@pytest.mark.parametrize(
    ("enabled", "size"), [("always madvise [never]", "2097152"), ("[always]", str(512 << 20)), ("[always]", "")]
)
def test_nothing_moves_where_huge_pages_are_disabled_or_too_large(monkeypatch, tmp_path, enabled, size):
    (tmp_path / "enabled").write_text(enabled)
    (tmp_path / "hpage_pmd_size").write_text(size)
    monkeypatch.setattr(huge_pages, "_SETTINGS", tmp_path)
    assert huge_pages.collapse(b"no mapping") == 0


def test_nothing_moves_on_another_system(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert huge_pages.read_mappings() == b""
    assert huge_pages.collapse(b"") == 0


def test_a_session_asks_once_after_its_first_runs(monkeypatch):
    calls = []
    monkeypatch.setattr(huge_pages, "collapse_in_background", calls.append)
    session = Session(toys.native_graph(toys.tables()), threads=1)
    for run in range(3 * huge_pages.RUNS):
        session.run(*pad([np.array([2, 4, 3])], 0), np.array([[1]]))
        assert len(calls) == (run + 1 >= huge_pages.RUNS)
    assert calls == [session.mappings]


def test_runs_go_on_where_no_thread_can_start(monkeypatch):
    starts = []

    def refuse(thread):
        starts.append(thread.name)
        raise RuntimeError("can't start new thread")

    session = Session(toys.native_graph(toys.tables()), threads=1)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    for _ in range(2 * huge_pages.RUNS):
        session.run(*pad([np.array([2, 4, 3])], 0), np.array([[1]]))
    assert starts == ["fillmask-huge-pages"]


@offered
def test_no_bit_of_the_logits_changes():
    before = huge_pages.read_mappings()
    session = Session(toys.native_graph(toys.tables(size=1500)), threads=1)
    ids, positions = pad([np.arange(2, 40)], 0), np.array([[3, 5, 30]])
    plain = session.run(*ids, positions).copy()
    assert huge_pages.collapse(before) >= PAGE
    np.testing.assert_array_equal(session.run(*ids, positions), plain)
