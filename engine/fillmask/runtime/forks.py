"""How many forks lie between this process and the first: it tells a child from the process that made something.

``os.getpid`` tells it too, and takes 2 µs behind a run, twice a call.
"""

from __future__ import annotations

import os

count = 0


def _count() -> None:
    global count  # noqa: PLW0603 -- that is what is counted
    count += 1


if hasattr(os, "register_at_fork"):  # there is none on Windows, and no fork
    os.register_at_fork(after_in_child=_count)
