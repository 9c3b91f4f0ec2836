"""Lines of the log."""

import json
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from fillmask.server.log_writer import LogWriter
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
@pytest.mark.parametrize("hostile", ["a\nb", "a\r\nb", "a\u2028b", "\x1b[31m", "a\x85b", "\x9b31m"])
def test_nobody_else_writes_a_line(formatter, hostile):
    line = formatter.format(record(hostile, {"path": hostile}))
    assert len(line.splitlines()) == 1
    assert line.isascii()
    assert line.isprintable()


def test_an_error_comes_with_its_traceback():
    try:
        raise ZeroDivisionError("how")
    except ZeroDivisionError:
        made = logging.LogRecord("x", logging.ERROR, "file", 1, "failed", (), sys.exc_info())
    assert "ZeroDivisionError: how" in json.loads(JsonFormatter().format(made))["traceback"]
    assert "\\nZeroDivisionError: how" in TextFormatter().format(made)


def test_a_log_that_nobody_reads_stops_nothing_and_its_lines_are_counted():
    read, write = os.pipe()
    writer = LogWriter(write, max_bytes=100_000)
    writer.setFormatter(JsonFormatter())
    for _ in range(5000):
        writer.handle(record("x" * 100))
    with ThreadPoolExecutor(1) as pool, open(read, "rb") as reader:
        content = pool.submit(reader.read)
        writer.close()
        os.close(write)
        received = content.result()
    lines = [json.loads(line) for line in received.splitlines()]
    dropped = sum(line["lines"] for line in lines if line["event"] == "log lines were dropped")
    assert dropped + sum(line["event"] == "x" * 100 for line in lines) == 5000
    assert dropped > 1000
