"""The bytes that a connection has received and not parsed, cut into pieces that end where a request ends.

A client may send requests before it has the responses to earlier ones (pipelining, RFC 9112 section 9.3.2). Each parsed
request takes some 3 kB, and each received one as few as 18 bytes. So a connection parses one request at a time.
"""

from __future__ import annotations

import re

from fillmask.server.budget import Budget

# The headers, the trailers, and a body in chunks end with it. The parser takes no other line break.
_END = b"\r\n\r\n"
# Of a piece whose end is unknown. A chunk of one byte costs the parser as much as a large one: 3 ms for these bytes.
MOST_UNKNOWN = 16 << 10
# While fewer bytes wait, a connection reads on: the system tells that the client has left only behind them.
_ENOUGH = 16 << 10
_LINE_BREAKS = (b"\r", b"\n")
_NO_LINE_BREAK = re.compile(rb"[^\r\n]")


class Inbox:
    """Received bytes in their order.

    Args:
        budget: Bounds the bytes that wait in all connections together.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._data = b""
        self._at = 0  # what precedes it has been taken
        self._tail = b""  # the last bytes taken: an end may have begun in them
        self._counted = 0

    def __len__(self) -> int:
        return len(self._data) - self._at

    def add(self, data: bytes) -> None:
        """Append received bytes."""
        self._data = self._data[self._at :] + data
        self._at = 0

    @property
    def full(self) -> bool:
        """Whether so much waits that nothing further is to be read."""
        return len(self) >= _ENOUGH

    def skip_lines(self) -> int:
        """Drop line breaks up to the next other byte. Returns how many bytes they have."""
        start = self._at
        if self._data[start : start + 1] not in _LINE_BREAKS:
            return 0
        found = _NO_LINE_BREAK.search(self._data, start)
        self._at = found.start() if found else len(self._data)
        return self._at - start

    def take(self, size: int | None) -> bytes:
        """Take the next piece.

        Args:
            size: Bytes at most; None takes everything up to the first blank line, blank line included, of the next
                ``MOST_UNKNOWN`` bytes.
        """
        start = self._at
        end = min(self._after_end(start), start + MOST_UNKNOWN) if size is None else start + size
        self._at = min(end, len(self._data))
        piece = self._data[start : self._at]
        self._tail = (self._tail + piece[-len(_END) :])[1 - len(_END) :]
        return piece

    def settle(self) -> bool:
        """Count what waits now. Returns False, and drops it, if the budget does not allow it."""
        waiting = len(self)
        if waiting == self._counted:
            return True
        allowed = self._budget.take(waiting - self._counted)
        if allowed:
            self._counted = waiting
        else:
            self.clear()
        return allowed

    def clear(self) -> None:
        """Drop everything."""
        self._budget.give(self._counted)
        self._data, self._at, self._counted = b"", 0, 0

    def _after_end(self, start: int) -> int:
        """Return the index after the first blank line, or the index after everything."""
        across = (self._tail + self._data[start : start + len(_END) - 1]).find(_END)
        if across >= 0:
            return start + across + len(_END) - len(self._tail)
        found = self._data.find(_END, start)
        return len(self._data) if found < 0 else found + len(_END)
