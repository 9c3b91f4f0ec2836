"""The limits of path and headers: they hold while these arrive, before anything is done with them.

The fields behind a body in chunks (trailers) and what stands beside the sizes of chunks have the same limits.
"""

from __future__ import annotations

from fillmask.server.http_errors import HttpError

MAX_HEADER_BYTES = 16 << 10
MAX_HEADERS = 100


class HeadLimits:
    """Counts the path and headers of a request, and what else arrives beside its body.

    Attributes:
        open: Whether path and headers are incomplete.
    """

    def __init__(self) -> None:
        self.open = True
        self._parsed = self._received = self._headers = 0

    def begin(self) -> None:
        """Start a request. What was received includes its first bytes, and blank lines before it."""
        self.open = True
        self._parsed = self._headers = 0

    def complete(self) -> None:
        """Note that path and headers are complete."""
        self.open = False
        self._received = 0

    def body(self) -> None:
        """Note that a part of the body has arrived."""
        self._received = 0

    def end(self) -> None:
        """End a request."""
        self.open = True
        self._parsed = self._received = 0

    def header(self, size: int) -> None:
        """Count a header, or a field behind a body in chunks.

        Raises:
            ValueError: As ``parsed``.
        """
        self._headers += 1
        self.parsed(size)

    def parsed(self, size: int) -> None:
        """Count bytes of the path or a header.

        Raises:
            ValueError: They are too many. This ends the parsing.
        """
        self._parsed += size
        if self._parsed > MAX_HEADER_BYTES or self._headers > MAX_HEADERS:
            self._parsed = MAX_HEADER_BYTES + 1
            raise ValueError("the headers are too large")

    def received(self, size: int) -> None:
        """Count received bytes, whatever they are."""
        self._received += size

    @property
    def exceeded(self) -> HttpError | None:
        """The error, if they are too large, or if more bytes arrived without their end and without a body."""
        if self._parsed <= MAX_HEADER_BYTES and self._received <= MAX_HEADER_BYTES:
            return None
        return HttpError(431, f"path and headers are more than {MAX_HEADER_BYTES} bytes or {MAX_HEADERS}")
