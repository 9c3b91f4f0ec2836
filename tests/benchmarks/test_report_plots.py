"""The drawings: made of the records that are there, and the same every time."""

import re

import pytest

from benchmarks.harness.records import write
from benchmarks.report import plots
from benchmarks.report.results import load
from tests.support import invented


@pytest.fixture
def results(tmp_path):
    for record in (invented.accuracy(**{"optimum-int8": "wrong"}), invented.latency(), invented.throughput()):
        write(record, tmp_path)
    return load(tmp_path)


def test_drawings_are_the_same_every_time(results, tmp_path):
    first = {path.name: path.read_bytes() for path in plots.write(results, tmp_path / "a")}
    assert {path.name: path.read_bytes() for path in plots.write(results, tmp_path / "b")} == first
    assert first.keys() == {"latency-minilm.svg", "accuracy-minilm.svg", "throughput-minilm.svg"}


def test_a_drawing_names_those_that_may_be_shown_and_its_source(results, tmp_path):
    for path in plots.write(results, tmp_path / "drawn"):
        drawn = path.read_text(encoding="utf-8")
        assert all(name in drawn for name in ("fillmask-int8", "transformers", "openvino-bf16"))
        assert not re.search("again|optimum-int8", drawn)
        assert (
            results.digests[path.stem if "latency" in path.stem else "latency-minilm"] in drawn
            or "through" in path.stem
        )


def test_drawings_whose_records_are_gone_are_removed(results, tmp_path):
    (tmp_path / "drawn").mkdir()
    (tmp_path / "drawn" / "latency-gone.svg").touch()
    plots.write(results, tmp_path / "drawn")
    assert not (tmp_path / "drawn" / "latency-gone.svg").exists()


def test_without_an_accuracy_run_nothing_is_drawn(tmp_path):
    write(invented.latency(), tmp_path)
    assert not plots.drawings(load(tmp_path))
