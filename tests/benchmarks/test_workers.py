import pytest

from benchmarks.device import DEVICES
from benchmarks.harness import workers
from benchmarks.harness.worker import ContenderError
from benchmarks.harness.workers import Workers


class FakeWorker:
    """ "broken" does not load, "tired" fails in every call."""

    closed = 0

    def __init__(self, kind):
        self.name = None

    def call(self, command, **arguments):
        if command == "load":
            self.name = arguments["name"]
            if self.name == "broken":
                raise ContenderError("no such model")
            return {key: arguments[key] for key in ("threads", "device")}
        if self.name == "tired":
            raise ContenderError("the process ended with -9")
        return self.name

    def close(self):
        FakeWorker.closed += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@pytest.fixture
def opened(monkeypatch):
    monkeypatch.setattr(workers, "Worker", FakeWorker)
    FakeWorker.closed = 0
    threads = {"a": 1, "b": 2, "broken": 0, "tired": 0}
    with Workers(None, threads, DEVICES["cuda"]) as made:
        yield made


def test_a_contender_that_does_not_load_is_left_out_with_its_reason(opened):
    assert opened.loaded == ["a", "b", "tired"]
    assert opened.failed == {"broken": "no such model"}
    assert opened.settings["b"] == {"threads": 2, "device": DEVICES["cuda"]}
    assert FakeWorker.closed == 1


def test_a_failed_call_is_an_error_of_that_call_alone(opened):
    with pytest.raises(ContenderError, match="ended with -9"):
        opened.call("tired", "seconds")
    assert opened.call("a", "seconds") == "a"
    assert opened.loaded == ["a", "b", "tired"]
