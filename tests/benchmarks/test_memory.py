import sys

import pytest

from benchmarks.harness import handlers
from benchmarks.harness.handlers import MeasuredContender
from benchmarks.harness.options import SuiteOptions
from benchmarks.harness.worker import ContenderError
from benchmarks.measures import memory_trace
from benchmarks.measures.memory_trace import MemoryTraces, after, write_texts
from benchmarks.models.folders import ModelFolders
from benchmarks.suites import memory
from fillmask import FillMask
from fillmask.artifact.folder import EMBEDDED
from fillmask.environment import Memory

linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")


@pytest.fixture
def folders(tmp_path):
    return ModelFolders("minilm", tmp_path, tmp_path, EMBEDDED, trained=False)


def test_a_system_that_does_not_report_memory_is_an_error(monkeypatch):
    monkeypatch.setattr(handlers, "process_memory", lambda: None)
    with pytest.raises(OSError, match="does not report the memory"):
        MeasuredContender().memory()


def test_bytes_become_megabytes(monkeypatch):
    monkeypatch.setattr(handlers, "process_memory", lambda: Memory(124_000_000, 87_000_000, 134_500_000))
    assert MeasuredContender().memory() == {"rss": 124.0, "pss": 87.0, "peak": 134.5}


@linux
def test_a_trace_has_its_stages_and_memory_only_grows_up_to_the_predictions(folders):
    seen = MemoryTraces(folders)
    seen.trace(["fillmask-int8"], [3], "test")
    assert not seen.failed
    (trace,) = seen.traces["fillmask-int8"]
    assert list(trace) == ["start", "import", "load", "1 answer", "3 answers"]
    assert trace["start"]["rss"] < trace["import"]["rss"] < trace["load"]["rss"]
    assert trace["load"]["peak"] <= trace["3 answers"]["peak"]
    assert len(seen.rows("fillmask-int8", list(trace))) == 5 * 3


@linux
def test_a_contender_that_fails_is_tried_once_and_its_row_has_the_reason(folders):
    seen = MemoryTraces(folders)
    seen.trace(["fillmask-int4"] * 2, [3], "test")
    assert "KeyError" in seen.failed["fillmask-int4"]
    (row,) = seen.rows("fillmask-int4", [after(3)])
    assert row.failed
    assert row.samples == []
    assert seen.values(after(3), "rss") == {}


def test_texts_are_short_but_for_one_and_have_one_mask(folders):
    texts, fill_mask = write_texts(folders), FillMask()
    lengths = [fill_mask.model.encoder.encode(text).size for text in texts]
    assert len(texts) == 50
    assert sorted(lengths)[-1] == 128
    assert set(lengths) == {*range(8, 17), 128}
    assert {text.count("[MASK]") for text in texts} == {1}


class Fake:
    """A worker whose memory grows by a kilobyte a prediction, and by what is leaked."""

    def __init__(self, handlers):
        self.grown = 0.0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def call(self, command, *, name="", number=0, leak_bytes=0, **rest):
        if name == "optimum-int8":
            raise ContenderError("no such graph")
        self.grown += number * (1000 + leak_bytes) / 1e6
        self.base = {"": getattr(self, "base", 100.0), "transformers": 400.0}.get(name, 100.0)
        value = self.base + self.grown
        return {"rss": value, "pss": value - 1, "peak": value + 1}


def test_growth_peaks_and_failures_are_in_the_record(folders, monkeypatch):
    monkeypatch.setattr(memory_trace, "Worker", Fake)
    found = memory.measure(SuiteOptions("minilm", "quick", rounds=3), folders)
    growth = {row.contender: row.samples for row in found.rows if row.case.get("of") == "growth"}
    assert growth["fillmask-int8"] == [pytest.approx(0.8)]
    assert growth["fillmask-int8, leaking"] == [pytest.approx(0.8 * 5.096, rel=1e-3)]
    assert found.gate is None
    ratios = {(each.contender, each.baseline): each.ratio for each in found.comparisons if each.case["of"] == "peak"}
    assert ratios["fillmask-int8", "transformers"] == pytest.approx(101 / 401, rel=1e-2)
    assert not any("optimum-int8" in pair for pair in ratios)
    assert {row.failed for row in found.rows if row.contender == "optimum-int8"} == {"no such graph"}


def test_a_leak_that_is_not_seen_makes_the_run_invalid():
    grown = {"fillmask-int8": 0.5, "fillmask-int8, leaking": 3.0}
    assert memory.unseen(grown, 3.3) is None
    assert "only 0.5 MB were seen" in memory.unseen(grown | {"fillmask-int8, leaking": 1.0}, 3.3)
    assert "failed" in memory.unseen({"fillmask-int8": 0.5}, 3.3)
