"""Lines of the log."""

import json
import logging
import sys

import pytest

from fillmask.server.logs import JsonFormatter, TextFormatter


def record(message="request", fields=None, error=None):
    made = logging.LogRecord("x", logging.WARNING, "file", 1, message, (), error and (type(error), error, None))
    made.created = 0.5
    if fields is not None:
        made.fields = fields
    return made


def test_a_line_of_text():
    line = TextFormatter().format(record(fields={"id": "a", "status": 200, "path": "/a b", "empty": ""}))
    assert line == '1970-01-01T00:00:00.500+00:00 WARNING request id=a status=200 path="/a b" empty=""'


def test_a_line_of_json():
    line = JsonFormatter().format(record(fields={"status": 200, "text": "é\n"}))
    head = {"time": "1970-01-01T00:00:00.500+00:00", "level": "warning", "event": "request"}
    assert json.loads(line) == head | {"status": 200, "text": "é\n"}


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
@pytest.mark.parametrize("hostile", ["a\nb", "a\r\nb", "a\u2028b", "\x1b[31m", "a\x85b"])
def test_nobody_else_writes_a_line(formatter, hostile):
    line = formatter.format(record(hostile, {"path": hostile}))
    assert len(line.splitlines()) == 1 or "\u2028" in line or "\x85" in line
    assert "\x1b" not in line
    assert "\n" not in line


def test_an_error_comes_with_its_traceback():
    try:
        raise ZeroDivisionError("how")
    except ZeroDivisionError:
        made = logging.LogRecord("x", logging.ERROR, "file", 1, "failed", (), sys.exc_info())
    assert "ZeroDivisionError: how" in json.loads(JsonFormatter().format(made))["traceback"]
    assert "\\nZeroDivisionError: how" in TextFormatter().format(made)
