import time

import psutil
import pytest

from benchmarks.harness import worker
from benchmarks.harness.worker import Worker, WorkerError

HANDLERS = "tests.support.handlers:handlers"


@pytest.fixture
def child():
    with Worker(HANDLERS) as started:
        yield started


def wait_until_stopped(child):
    end = time.monotonic() + 5
    while psutil.Process(child._process.pid).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_answers_come_back(child):
    text = "é" * 100_000 + "\n[MASK]"
    assert child.ask("echo", text=text) == text


def test_what_is_printed_beside_is_no_answer(child):
    assert child.ask("noise") == 1
    assert child.ask("echo", text="next") == "next"


def test_a_failure_is_said_and_the_process_lives_on(child):
    with pytest.raises(WorkerError, match="ValueError: no such model"):
        child.ask("fail")
    assert child.ask("echo", text="still here") == "still here"


def test_while_it_is_not_asked_it_stands_still(child):
    child.ask("ticks")
    wait_until_stopped(child)
    before = child.ask("ticks")
    time.sleep(0.5)
    assert child.ask("ticks") - before < 25  # of 50


def test_an_end_is_a_failure(child):
    with pytest.raises(WorkerError, match="ended with 3"):
        child.ask("exit", status=3)
    with pytest.raises(WorkerError, match="ended with 3"):
        child.ask("echo", text="anyone?")


def test_silence_is_a_failure_in_the_end(child, monkeypatch):
    child.ask("ticks")
    monkeypatch.setattr(worker, "_PATIENCE_S", 0.01)
    with pytest.raises(WorkerError, match="no answer"):
        child.ask("wait", seconds=1)


def test_its_process_is_gone_when_it_is_closed():
    with Worker(HANDLERS) as started:
        pid = started._process.pid
    assert not psutil.pid_exists(pid)
