"""The log: a line of text or of JSON for each event, on standard error."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime, timezone
from typing import Any


class _Formatter(logging.Formatter):
    def facts(self, record: logging.LogRecord) -> dict[str, Any]:
        facts: dict[str, Any] = getattr(record, "facts", {})
        return facts | ({"traceback": self.formatException(record.exc_info)} if record.exc_info else {})


class TextFormatter(_Formatter):
    """``2026-11-23T10:00:00.000+00:00 INFO request id=… status=200``; a value with blanks stands in quotes."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a line."""
        shown = [f"{name}={_value(value)}" for name, value in self.facts(record).items()]
        return " ".join([_time(record), record.levelname, _line(record.getMessage()), *shown])


class JsonFormatter(_Formatter):
    """``{"time": …, "level": …, "event": …, …}``."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a line."""
        head = {"time": _time(record), "level": record.levelname.lower(), "event": record.getMessage()}
        return json.dumps(head | self.facts(record), ensure_ascii=False, default=str)


def configure(form: str, level: str) -> None:
    """Send the log of the whole process to standard error.

    Args:
        form: ``"text"`` or ``"json"``.
        level: The least level, such as ``"info"``.
    """
    # What no line says need not be found out: the caller, the thread and the process. Thus the library's own manual.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # What uvicorn says of its own start and of single requests is said here, with the facts.
    for name in ("uvicorn.error", "uvicorn.access", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")


def _value(value: object) -> str:
    text = str(value)
    return text if text.isascii() and text.isprintable() and " " not in text and text else json.dumps(text)


def _line(text: str) -> str:
    """Whoever writes line breaks into a request must not write lines of the log."""
    return text if text.isprintable() else json.dumps(text)
