import pytest

from benchmarks.harness.worker import ContenderError
from benchmarks.suites import server
from tests.load.pool import Result
from tests.support.serving import Served


def loaded(monkeypatch, latencies, status=200):
    """A load whose requests follow each other, with these latencies."""
    starts = [sum(latencies[:index]) for index in range(len(latencies))]
    results = [Result(*each, status, False, b"", 0) for each in zip(starts, latencies, strict=True)]
    monkeypatch.setattr(server, "closed_loop", lambda *_: None)
    monkeypatch.setattr(server, "run", lambda _: results)
    return server.seconds_and_p99(Served("http://127.0.0.1:1", None), [b"{}"], 1, 1.0)


def test_seconds_are_of_the_whole_load_and_the_p99_is_of_the_responses(monkeypatch):
    assert loaded(monkeypatch, [0.5] * 98 + [2.0, 3.0]) == (pytest.approx((49 + 5) / 100), 3.0)


def test_a_load_with_a_failed_request_gives_no_time(monkeypatch):
    with pytest.raises(ContenderError, match="2 of 2 requests failed with 1 clients"):
        loaded(monkeypatch, [0.5, 0.5], status=503)
