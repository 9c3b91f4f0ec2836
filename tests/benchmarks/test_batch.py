from pathlib import Path

from benchmarks.harness.options import SuiteOptions
from benchmarks.suites import batch
from fillmask import InputError
from fillmask.files import ray_cluster
from fillmask.files.part_maker import State
from fillmask.files.parts import Counts


def test_files_run_beside_the_library_and_a_missing_ray_is_in_the_record(monkeypatch):
    def missing():
        raise InputError("Ray Data is not installed")

    monkeypatch.setattr(ray_cluster, "import_ray", missing)
    monkeypatch.setattr(batch, "_ROWS", 21)
    monkeypatch.setattr(batch, "_FORMATS", ("jsonl", "csv"))
    found = batch.measure(SuiteOptions(profile="quick", rounds=3))
    rows = {row.contender: row for row in found.rows}
    assert rows["ray"].failed == "Ray Data is not installed"
    for name in ("library", "library-again", "jsonl", "csv"):
        assert min(rows[name].samples) > 0
    assert {(each.contender, each.baseline) for each in found.comparisons} == {("jsonl", "library"), ("csv", "library")}


def test_the_rate_of_ray_begins_when_each_actor_has_made_a_part(monkeypatch):
    made = [0, 10, 20, 30, 40, 60]
    clock = iter([0.0, 50.0, 60.0, 61.0, 62.0, 64.0])
    monkeypatch.setattr(batch, "_RAY_PART", 10)
    monkeypatch.setattr(batch.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(batch, "batch", lambda *_, report, **__: [report(State(Counts(), each, 0)) for each in made])
    assert batch._ray_rate(Path("in.jsonl"), Path("out")) == 10
