"""A client that has sent the end of its stream: it may wait for the response (``nc -N``), or may have left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

# In seconds: the first write to a closed socket has no effect that this side sees, the next one fails.
_PROBES_S = (0.0, 0.05, 0.25)
_PROBE = b"HTTP/1.1 100 Continue\r\n\r\n"


class HalfClose:
    """Writes something harmless while the client waits: this shows whether it is still there.

    Args:
        loop: The event loop.
        write: Writes to the client.
        waits: Whether the client waits for a response that has not begun, and may get an interim one.

    Attributes:
        begun: Whether the client has sent the end of its stream.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, write: Callable[[bytes], None], waits: Callable[[], bool]
    ) -> None:
        self._loop, self._write, self._waits = loop, write, waits
        self.begun = False

    def begin(self) -> None:
        """Note the end of the client's stream."""
        self.begun = True
        for seconds in _PROBES_S:
            self._loop.call_later(seconds, self._probe)

    def _probe(self) -> None:
        if self._waits():
            self._write(_PROBE)
