"""The priority of threads for work that gives way to short requests."""

from __future__ import annotations

import logging
import os
import sys
import threading

# A thread of this niceness gets a tenth of a core for which others compete, and all of an idle one.
_NICENESS = 10
_log = logging.getLogger(__name__)


def lower_priority() -> None:
    """Let the operating system prefer other threads to the calling one, for good. Only Linux knows it for a thread."""
    if sys.platform != "linux":
        return
    thread = threading.get_native_id()
    try:
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICENESS)
    except OSError as error:
        _log.warning("large requests run at the priority of short ones: %s", error)
