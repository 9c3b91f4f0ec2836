"""transformers without its own output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' warnings off standard error, and its bars too unless it is a terminal.

    ``HF_HUB_DISABLE_PROGRESS_BARS`` decides about the bars where it is set.
    """
    verbosity = logging.get_verbosity()
    bars = logging.is_progress_bar_enabled() and not sys.stderr.isatty()
    bars = bars and "HF_HUB_DISABLE_PROGRESS_BARS" not in os.environ
    logging.set_verbosity_error()
    if bars:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
