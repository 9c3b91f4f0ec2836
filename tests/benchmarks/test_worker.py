import time

import psutil
import pytest

from benchmarks.harness import worker
from benchmarks.harness.worker import ContenderError, Worker
from tests.support.handlers import Handlers


@pytest.fixture
def child():
    with Worker(Handlers) as started:
        yield started


def wait_until_stopped(child):
    end = time.monotonic() + 5
    while psutil.Process(child._process.pid).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_results_come_back(child):
    text = "é" * 100_000 + "\n[MASK]"
    assert child.call("echo", text=text) == text


def test_an_argument_may_have_any_name(child):
    assert child.call("named", method="word_l2r") == "word_l2r"


def test_other_output_is_no_result(child):
    assert child.call("noise") == 1
    assert child.call("echo", text="next") == "next"


def test_a_failure_is_an_error_and_the_process_goes_on(child):
    with pytest.raises(ContenderError, match="ValueError: no such model"):
        child.call("fail")
    assert child.call("echo", text="still here") == "still here"


def test_between_calls_it_is_stopped(child):
    child.call("ticks")
    wait_until_stopped(child)
    before = child.call("ticks")
    time.sleep(0.5)
    assert child.call("ticks") - before < 25  # of 50


def test_an_end_is_a_failure(child):
    with pytest.raises(ContenderError, match="ended with 3"):
        child.call("exit", status=3)
    with pytest.raises(ContenderError, match="ended with 3"):
        child.call("echo", text="anyone?")


def test_silence_is_a_failure_in_the_end(child, monkeypatch):
    child.call("ticks")
    monkeypatch.setattr(worker, "_PATIENCE_S", 0.01)
    with pytest.raises(ContenderError, match="no reply"):
        child.call("wait", seconds=1)
    with pytest.raises(ContenderError, match="ended with -9"):
        child.call("echo", text="anyone?")


def test_its_process_is_gone_when_it_is_closed():
    with Worker(Handlers) as started:
        pid = started._process.pid
    assert not psutil.pid_exists(pid)
