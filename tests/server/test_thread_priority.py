"""The priority of threads, as the operating system reports it."""

import os
import sys
import threading

import pytest

from fillmask.server.thread_priority import lower_priority

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a priority for each thread")


def in_thread(work):
    """The result of a function that runs in a thread of its own."""
    results = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


def niceness():
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@linux
def test_only_the_calling_thread_gives_way():
    def lowered():
        before = niceness()
        lower_priority()
        return before, niceness()

    before, after = in_thread(lowered)
    assert after == min(19, before + 10)
    assert niceness() == before


@linux
def test_a_system_that_refuses_it_is_logged(monkeypatch, caplog):
    def refuse(*_):
        raise PermissionError("not allowed here")

    monkeypatch.setattr(os, "setpriority", refuse)
    in_thread(lower_priority)
    assert "large requests run at the priority of short ones: not allowed here" in caplog.text
