"""Writes log lines in a thread of its own, so that no request waits for the reader of the log."""

from __future__ import annotations

import logging
import os
import queue
import threading
from contextlib import suppress

_MAX_BYTES = 8 << 20
_CLOSE_TIMEOUT_S = 1.0
# Between two writes lines gather: to wake the thread for each takes 0.1 ms of a request.
_GATHER_S = 0.02


class LogWriter(logging.Handler):
    """Queues lines for its thread. Lines that do not fit are dropped, and a line gives their number.

    Args:
        descriptor: File descriptor to write to.
        max_bytes: Bytes that wait, at most.
    """

    def __init__(self, descriptor: int, max_bytes: int = _MAX_BYTES) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._max_bytes = max_bytes
        self._counts = threading.Lock()
        self._waiting = 0
        self._dropped = 0
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write, name="fillmask-log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a line."""
        try:
            line = self._encoded(record)
        except Exception:
            return self.handleError(record)
        with self._counts:
            fits = self._waiting + len(line) <= self._max_bytes
            self._waiting += len(line) if fits else 0
            self._dropped += not fits
        if fits:
            self._lines.put(line)
        return None

    def close(self) -> None:
        """Write what waits, within a second, and end the thread."""
        self._closing.set()
        self._lines.put(None)
        self._thread.join(_CLOSE_TIMEOUT_S)
        super().close()

    def _write(self) -> None:
        while (lines := self._gathered())[0] is not None:
            written = [line for line in lines if line is not None]
            for line in written:
                self._write_all(line)
            with self._counts:
                self._waiting -= sum(map(len, written))
                dropped, self._dropped = self._dropped, 0
            if dropped:
                record = logging.LogRecord(__name__, logging.WARNING, "", 0, "log lines were dropped", (), None)
                record.fields = {"lines": dropped}
                self._write_all(self._encoded(record))
            if lines[-1] is None:
                return
            self._closing.wait(_GATHER_S)

    def _gathered(self) -> list[bytes | None]:
        """Wait for a line, and give it with those behind it; None stands for the end."""
        lines = [self._lines.get()]
        with suppress(queue.Empty):
            while lines[-1] is not None:
                lines.append(self._lines.get_nowait())
        return lines

    def _write_all(self, line: bytes) -> None:
        with suppress(OSError):  # nobody reads the log any more
            while line:
                line = line[os.write(self._descriptor, line) :]

    def _encoded(self, record: logging.LogRecord) -> bytes:
        return (self.format(record) + "\n").encode("utf-8", "backslashreplace")
