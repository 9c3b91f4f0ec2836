"""What the engine warns of, collected for the request that it concerns.

``warnings.catch_warnings`` is not safe in threads. Here warnings are let through once for the whole process, and each
thread collects its own.
"""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

from fillmask.errors import TargetWarning, TruncationWarning

HEADER = "x-warnings"
_HEADER_CHARACTERS = 4096


class _Collected(threading.local):
    def __init__(self) -> None:
        self.messages: list[str] | None = None


_collected = _Collected()


@contextmanager
def noticed() -> Iterator[None]:
    """Send the engine's warnings to the ``collect`` of the thread in which they arise."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", TargetWarning)
        warnings.simplefilter("always", TruncationWarning)
        show = warnings.showwarning

        def keep(  # noqa: PLR0917 -- as the library calls it
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if _collected.messages is None:
                show(message, category, filename, lineno, file, line)
            else:
                _collected.messages.append(str(message))

        warnings.showwarning = keep
        yield


@contextmanager
def collect() -> Iterator[list[str]]:
    """Collect what is warned of in this thread meanwhile."""
    messages: list[str] = []
    _collected.messages = messages
    try:
        yield messages
    finally:
        _collected.messages = None


def header(messages: Iterable[str]) -> dict[str, str]:
    """The header that carries warnings, as a JSON list in ASCII, each message once, or none."""
    unique = list(dict.fromkeys(messages))
    if not unique:
        return {}
    kept: list[str] = []
    length = 0
    for message in unique:
        length += len(json.dumps(message)) + 2
        if length > _HEADER_CHARACTERS:
            kept.append(f"and {len(unique) - len(kept)} more")
            break
        kept.append(message)
    return {HEADER: json.dumps(kept)}
