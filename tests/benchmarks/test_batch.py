import os
from pathlib import Path
from types import SimpleNamespace

from benchmarks.harness.options import SuiteOptions
from benchmarks.suites import batch
from fillmask import InputError


def test_files_run_beside_the_library_and_a_missing_ray_is_in_the_record(monkeypatch):
    def missing():
        raise InputError("Ray Data is not installed")

    monkeypatch.setattr(batch, "import_ray", missing)
    monkeypatch.setattr(batch, "_ROWS", 21)
    monkeypatch.setattr(batch, "_FORMATS", ("jsonl", "csv"))
    found = batch.measure(SuiteOptions(profile="quick", rounds=3))
    rows = {row.contender: row for row in found.rows}
    assert rows["ray"].failed == "Ray Data is not installed"
    for name in ("library", "library-again", "jsonl", "csv"):
        assert min(rows[name].samples) > 0
    assert {(each.contender, each.baseline) for each in found.comparisons} == {("jsonl", "library"), ("csv", "library")}


def test_the_rate_of_ray_begins_when_each_actor_has_made_a_part(monkeypatch, tmp_path):
    def write(*_, **__):
        for part, second in enumerate([50, 54, 60, 64, 70, 74]):
            path = tmp_path / f"part-{part}.jsonl"
            path.touch()
            os.utime(path, (second, second))

    monkeypatch.setattr(batch, "_RAY_PART", 10)
    monkeypatch.setattr(batch, "import_ray", lambda: SimpleNamespace(is_initialized=lambda: True))
    monkeypatch.setattr(batch, "batch", write)
    assert batch._ray_rate(Path("in.jsonl"), tmp_path) == 2
