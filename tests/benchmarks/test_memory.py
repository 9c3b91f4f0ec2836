import sys

import pytest

from benchmarks.harness.measured import MeasuredContender
from benchmarks.harness.options import SuiteOptions
from benchmarks.harness.worker import ContenderError
from benchmarks.models.folders import ModelFolders
from benchmarks.suites import memory
from benchmarks.suites.memory import write_texts
from fillmask import FillMask, environment
from fillmask.artifact.folder import EMBEDDED
from fillmask.environment import Memory

linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")


@pytest.fixture
def folders(tmp_path):
    return ModelFolders("minilm", tmp_path, tmp_path, EMBEDDED, trained=False)


def test_a_system_that_does_not_report_memory_is_an_error(monkeypatch):
    monkeypatch.setattr(environment, "process_memory", lambda: None)
    with pytest.raises(OSError, match="does not report the memory"):
        MeasuredContender().memory()


def test_bytes_become_megabytes(monkeypatch):
    monkeypatch.setattr(environment, "process_memory", lambda: Memory(124_000_000, 87_000_000, 134_500_000))
    assert MeasuredContender().memory() == {"rss": 124.0, "pss": 87.0, "peak": 134.5}


@linux
def test_a_trace_has_its_stages_and_memory_only_grows_up_to_the_predictions(folders):
    seen = memory.trace(folders, "fillmask-int8", write_texts(folders)[:3])
    assert tuple(seen) == memory.STAGES
    assert seen["start"]["rss"] < seen["import"]["rss"] < seen["load"]["rss"]
    assert seen["load"]["peak"] <= seen["50 answers"]["peak"]


def test_texts_are_short_but_for_one_and_have_one_mask(folders):
    texts, fill_mask = write_texts(folders), FillMask()
    lengths = [fill_mask.model.encoder.encode(text).size for text in texts]
    assert len(texts) == 50
    assert sorted(lengths)[-1] == 128
    assert set(lengths) == {*range(8, 17), 128}
    assert {text.count("[MASK]") for text in texts} == {1}


class Fake:
    """A worker whose memory grows by a megabyte a prediction."""

    def __init__(self, kind):
        self.grown, self.base = 0.0, 100.0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def call(self, command, *, name="", texts=(), **rest):
        if name == "optimum-int8":
            raise ContenderError("no such graph")
        self.grown += len(texts)
        self.base = 400.0 if name == "transformers" else self.base
        value = self.base + self.grown
        return {"rss": value, "pss": value - 1, "peak": value + 1}


def test_stages_peaks_and_failures_are_in_the_record(folders, monkeypatch):
    monkeypatch.setattr(memory, "Worker", Fake)
    found = memory.measure(SuiteOptions("minilm", "quick", rounds=3), folders)
    rows = {(row.contender, row.case["after"], row.case["of"]): row for row in found.rows}
    assert rows["fillmask-int8", "load", "rss"].samples == [100.0] * 3
    assert rows["fillmask-int8", "1 answer", "pss"].samples == [100.0] * 3
    assert rows["fillmask-int8", "50 answers", "peak"].samples == [151.0] * 3
    assert rows["optimum-int8", "load", "rss"].failed == "no such graph"
    ratios = {(each.contender, each.baseline, each.case["after"]): each.ratio
              for each in found.comparisons if each.case["of"] == "peak"}  # fmt: skip
    assert ratios["fillmask-int8", "transformers", "50 answers"] == pytest.approx(151 / 451)
    assert not any("optimum-int8" in key for key in ratios)
