"""The log on standard error: one line of text or JSON for each event."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime, timezone
from typing import Any

from fillmask.server.log_writer import LogWriter


class _Formatter(logging.Formatter):
    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        fields: dict[str, Any] = getattr(record, "fields", {})
        return fields | ({"traceback": self.formatException(record.exc_info)} if record.exc_info else {})


class TextFormatter(_Formatter):
    """``2026-11-23T10:00:00.000+00:00 INFO request id=… status=200``; values with spaces are quoted."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a line."""
        pairs = [f"{name}={_value(value)}" for name, value in self.fields(record).items()]
        return " ".join([_time(record), record.levelname, _line(record.getMessage()), *pairs])


class JsonFormatter(_Formatter):
    """``{"time": …, "level": …, "event": …, …}``."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a line."""
        head = {"time": _time(record), "level": record.levelname.lower(), "event": record.getMessage()}
        return json.dumps(head | self.fields(record), default=str)


def configure(form: str, level: str) -> None:
    """Configure logging for the whole process.

    Args:
        form: ``"text"`` or ``"json"``.
        level: The lowest level to log, such as ``"info"``.
    """
    # Skip caller, thread and process lookups; no formatter uses them (logging HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    handler = _handler()
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # The server logs its own start and each request with more fields than uvicorn does.
    for name in ("uvicorn.error", "uvicorn.access", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _handler() -> logging.Handler:
    """Make the handler that writes to standard error, which may be closed, or no file."""
    if sys.stderr is None:
        return logging.NullHandler()
    try:
        return LogWriter(sys.stderr.fileno())
    except OSError:
        return logging.StreamHandler(sys.stderr)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")


def _value(value: object) -> str:
    text = str(value)
    return text if text.isascii() and text.isprintable() and " " not in text and text else json.dumps(text)


def _line(text: str) -> str:
    """Escape line breaks: text from a client must not forge lines of the log."""
    return text if text.isprintable() else json.dumps(text)
