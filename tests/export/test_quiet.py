"""transformers without its own output."""

import sys

import pytest
from transformers.utils import logging

from fillmask_export.quiet import quiet


@pytest.mark.parametrize(
    ("terminal", "setting", "bars"), [(False, None, False), (True, None, True), (False, "0", True)]
)
def test_bars_are_hidden_from_pipes_and_everything_is_as_it_was_afterwards(monkeypatch, terminal, setting, bars):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    monkeypatch.delenv("HF_HUB_DISABLE_PROGRESS_BARS", raising=False)
    if setting is not None:
        monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", setting)
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    with quiet():
        assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (logging.ERROR, bars)
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
