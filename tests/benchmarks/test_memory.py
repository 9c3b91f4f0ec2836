import sys

import pytest

from benchmarks.harness.suite import Asked
from benchmarks.harness.worker import WorkerError
from benchmarks.measures import lives
from benchmarks.measures.lives import Lives, after, write_texts
from benchmarks.measures.memory import parse, resident
from benchmarks.models.folders import ModelFolders
from benchmarks.suites import memory
from fillmask import FillMask
from fillmask.artifact.folder import EMBEDDED

linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
ROLLUP = """55d0c5a5b000-7ffd7f9f2000 ---p 00000000 00:00 0    [rollup]
Rss:              121092 kB
Pss:               85000 kB
Pss_Dirty:         40000 kB
"""
STATUS = "Name:\tpython\nVmPeak:\t  999999 kB\nVmHWM:\t  131072 kB\nVmRSS:\t  121092 kB\n"


@pytest.fixture
def folders(tmp_path):
    return ModelFolders("minilm", tmp_path, tmp_path, EMBEDDED, trained=False)


def test_kibibytes_become_megabytes():
    assert parse(ROLLUP, STATUS) == pytest.approx({"rss": 123.998208, "pss": 87.04, "peak": 134.217728})


def test_a_missing_number_is_an_error():
    with pytest.raises(ValueError, match="nothing of VmHWM"):
        parse(ROLLUP, "Name:\tpython\n")


@linux
def test_memory_that_is_held_is_seen_and_its_peak_is_kept():
    before = resident()
    held = b"x" * 40_000_000
    during = resident()
    del held
    after_it = resident()
    assert 38 < during["rss"] - before["rss"] < 45
    assert after_it["rss"] < during["rss"] - 30
    assert after_it["peak"] > during["rss"] - 1
    assert after_it["pss"] <= after_it["rss"]


@linux
def test_a_life_has_its_stages_and_memory_only_grows_up_to_the_answers(folders):
    seen = Lives(folders)
    seen.watch(["fillmask-int8"], [3], "test", {})
    assert not seen.failed
    (life,) = seen.seen["fillmask-int8"]
    assert list(life) == ["start", "import", "load", "1 answer", "3 answers"]
    assert life["start"]["rss"] < life["import"]["rss"] < life["load"]["rss"]
    assert life["load"]["peak"] <= life["3 answers"]["peak"]
    assert len(seen.rows("fillmask-int8", "int8", list(life))) == 5 * 3


@linux
def test_who_fails_is_said_and_tried_once(folders):
    seen = Lives(folders)
    seen.watch(["fillmask-int4"] * 2, [3], "test", {})
    assert "KeyError" in seen.failed["fillmask-int4"]
    (row,) = seen.rows("fillmask-int4", "int4", [after(3)])
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
    """A worker whose memory grows by a kilobyte an answer, and by what is leaked."""

    def __init__(self, handlers):
        self.grown = 0.0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def ask(self, command, *, name="", number=0, leak_bytes=0, **rest):
        if name == "optimum-int8":
            raise WorkerError("no such graph")
        self.grown += number * (1000 + leak_bytes) / 1e6
        base = 400.0 if name == "transformers" else 100.0
        self.base = base if name else getattr(self, "base", 100.0)
        value = self.base + self.grown
        return {"rss": value, "pss": value - 1, "peak": value + 1}


def test_growth_peaks_and_failures_are_in_the_record(folders, monkeypatch):
    monkeypatch.setattr(lives, "Worker", Fake)
    found = memory.measure(Asked("minilm", "quick", None, None, None, 3, ()), folders)
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
