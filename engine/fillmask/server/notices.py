"""The engine's warnings, collected for the request that caused them.

``warnings.catch_warnings`` is not thread-safe. So one filter for the whole process passes every warning, and each
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
    """Route the engine's warnings to ``collect`` in the thread that raised them."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", TargetWarning)
        warnings.simplefilter("always", TruncationWarning)
        show = warnings.showwarning

        def keep(  # noqa: PLR0917 -- the signature of warnings.showwarning
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
    """Collect the messages of warnings raised in this thread until the block ends."""
    messages: list[str] = []
    _collected.messages = messages
    try:
        yield messages
    finally:
        _collected.messages = None


def header(messages: Iterable[str]) -> dict[str, str]:
    """Make the ``x-warnings`` header: a JSON list in ASCII, without duplicates; no header without messages."""
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
