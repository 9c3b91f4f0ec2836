"""The latency suite on workers that need no model."""

import pytest

from benchmarks.harness import rounds
from benchmarks.harness.options import Schedule
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.worker import ContenderError
from benchmarks.suites.latency import measure_length

SCHEDULE = Schedule(3, calls=(1, 2), seconds=0.01)
TIMES = {"transformers": 8.0, "fillmask-int8": 1.0, "fillmask-int8-again": 1.0}


class FakeWorkers:
    """Contenders with fixed times."""

    def __init__(self):
        self.failed, self.loaded = {"faster-clip": "it is not installed"}, list(TIMES)
        self.settings = {name: {"threads": 1} for name in self.loaded}
        self.broken = set()

    def call(self, name, command, **_):
        assert command == "calls"
        if name in self.broken:
            raise ContenderError("out of memory")
        return [TIMES[name]]


@pytest.fixture
def workers(monkeypatch):
    monkeypatch.setattr(rounds, "MOST", 1)
    return FakeWorkers()


def measure(workers, tokens=8):
    result = SuiteResult({"rounds": SCHEDULE.rounds})
    measure_length(result, workers, ["text"], SCHEDULE, tokens)
    return result


def test_times_and_ratios_are_in_the_result(workers):
    result = measure(workers)
    rows = {row.contender: row for row in result.rows}
    assert rows["transformers"].samples == [[8.0]] * 3
    assert rows["faster-clip"].failed == "it is not installed"
    assert rows["fillmask-int8"].settings == {"threads": 1}
    ratios = {(each.contender, each.baseline): each.ratio for each in result.comparisons}
    assert ratios == {("fillmask-int8", "transformers"): 8.0}


def test_a_contender_that_fails_at_a_length_runs_again_at_the_next(workers):
    workers.broken.add("transformers")
    assert measure(workers).failures() == ["transformers failed: out of memory"]
    workers.broken.clear()
    assert measure(workers, 16).failures() == []
