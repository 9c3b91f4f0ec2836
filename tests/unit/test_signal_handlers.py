"""Handlers hold for a block, and those before it come back."""

import os
import signal
import threading

import pytest

from fillmask.signal_handlers import handling


@pytest.fixture(autouse=True)
def own_handler():
    """SIGTERM has a handler of a program that calls fillmask."""

    def own(*_):
        raise AssertionError("the block's handler is not in place")

    before = signal.signal(signal.SIGTERM, own)
    yield own
    signal.signal(signal.SIGTERM, before)


def test_signals_are_handled_within_the_block_alone(own_handler):
    came = []
    with handling("SIGTERM", "SIGHUP", "SIGNONE", handler=lambda number, _: came.append(number)):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGHUP)
    assert came == [signal.SIGTERM, signal.SIGHUP]
    assert signal.getsignal(signal.SIGTERM) is own_handler


def test_the_handlers_come_back_after_an_error_and_after_others_were_set(own_handler):
    def fail():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), handling("SIGTERM"):
        fail()
    assert signal.getsignal(signal.SIGTERM) is own_handler


def test_without_a_handler_the_signals_keep_theirs(own_handler):
    with handling("SIGTERM"):
        assert signal.getsignal(signal.SIGTERM) is own_handler


def test_an_ignored_signal_stays_ignored():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with handling("SIGTERM", handler=lambda *_: pytest.fail("it was ignored")):
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def test_other_threads_change_nothing(own_handler):
    found = []

    def run():
        with handling("SIGTERM", handler=lambda *_: None):
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [own_handler]
