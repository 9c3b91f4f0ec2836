"""Signals become SystemExit inside the block alone, and are not heard where nohup ignores them."""

import os
import signal

import pytest

from fillmask_export.signals import ending_signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_an_exit_with_its_number(number):
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as raised, ending_signals():
        os.kill(os.getpid(), number)
    assert raised.value.code == 128 + number
    assert signal.getsignal(number) is before


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending_signals():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
