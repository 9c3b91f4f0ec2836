import os
import subprocess
import sys

import numpy as np
import pytest

from fillmask.artifact.folder import EMBEDDED
from fillmask.environment import resident_memory
from fillmask_export import ExportError, Plan, export
from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.probes import random_probe
from fillmask_export.verify import profiling
from fillmask_export.verify.profiling import machine, resident_bytes, time_runs

LINUX = pytest.mark.skipif(resident_memory() is None, reason="only Linux reports a process its memory")


@pytest.fixture(scope="module")
def artifact(checkpoint_of, tmp_path_factory):
    out = tmp_path_factory.mktemp("profile") / "artifact"
    manifest = export(checkpoint_of("wordpiece"), out, ("fp32", "fp16"), plan=Plan(masks=60, rounds=2))
    return out, manifest


@pytest.fixture
def bert(checkpoint_of):
    return open_checkpoint(checkpoint_of("wordpiece"))


def test_the_manifest_holds_times_and_memory_and_what_they_were_measured_on(artifact):
    _, manifest = artifact
    timing = manifest["verification"]["timing"]
    assert timing.keys() == {"cpu", "system", "threads", "rounds", "checkpoint_ms"}
    assert (timing["threads"], timing["rounds"]) == (1, 2)
    assert timing.items() >= machine().items()
    for entry in manifest["variants"].values():
        assert entry["latency_ms"].keys() == timing["checkpoint_ms"].keys() == {"16", "64"}
        assert all(time > 0 for time in [*entry["latency_ms"].values(), *timing["checkpoint_ms"].values()])


@LINUX
def test_memory_is_that_of_a_process_that_holds_the_engine(artifact):
    for entry in artifact[1]["variants"].values():
        assert 20e6 < entry["resident_bytes"] < 200e6


def test_without_rounds_nothing_is_measured_and_the_card_says_nothing_of_time(checkpoint_of, tmp_path):
    plan = Plan(masks=60, rounds=0)
    manifest = export(checkpoint_of("wordpiece"), tmp_path / "out", ("fp32",), plan=plan)
    assert "timing" not in manifest["verification"]
    assert not {"latency_ms", "resident_bytes"} & manifest["variants"]["fp32"].keys()
    assert " ms" not in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_checkpoint_and_variants_run_once_a_round_after_a_round_that_does_not_count(bert, monkeypatch):
    order = []

    def recording(name):
        return lambda *_, **__: lambda probe: order.append((name, probe.input_ids.size)) or np.zeros((1, 1))

    monkeypatch.setattr(profiling, "checkpoint_forward", recording("checkpoint"))
    monkeypatch.setattr(profiling, "session_forward", recording("variant"))
    monkeypatch.setattr(profiling, "Session", lambda path, threads: None)
    times = time_runs(bert, {"fp32": "model.onnx"}, 64, 3)
    rounds = [set(order[start : start + 2]) for start in range(0, len(order), 2)]
    assert rounds == [{("checkpoint", size), ("variant", size)} for size in (16, 64) for _ in range(4)]
    assert all(len(times[name]) == 2 for name in ("checkpoint", "fp32"))
    assert times.keys() == {"checkpoint", "fp32"}


def test_a_time_is_the_median_of_the_rounds_that_count(bert, monkeypatch):
    # Each run reads the clock twice; the first round does not count.
    clock = iter(np.cumsum([0, 9, 0, 0.001, 0, 0.005, 0, 0.002] * 2).tolist())
    monkeypatch.setattr(profiling.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(profiling, "checkpoint_forward", lambda _: lambda _: None)
    assert time_runs(bert, {}, 64, 3) == {"checkpoint": {"16": 2.0, "64": 2.0}}


@pytest.mark.parametrize("limit", [8, 16, 40])
def test_no_text_is_longer_than_the_model_takes(bert, monkeypatch, limit):
    monkeypatch.setattr(profiling, "checkpoint_forward", lambda _: lambda _: None)
    assert set(time_runs(bert, {}, limit, 1)["checkpoint"]) == {str(min(16, limit)), str(limit)}


def test_the_threads_of_pytorch_are_given_back(bert, monkeypatch):
    import torch

    before = torch.get_num_threads()
    monkeypatch.setattr(profiling, "checkpoint_forward", lambda _: lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        time_runs(bert, {}, 64, 1)
    assert torch.get_num_threads() == before


HOLDING = """
import fillmask
engine = fillmask.FillMask(threads=1)
engine.predict("the [MASK] of the house")
with open("/proc/self/statm") as file:
    print(int(file.read().split()[1]))
assert engine.variant
"""


@LINUX
def test_memory_is_counted_while_the_engine_is_there():
    done = subprocess.run([sys.executable, "-c", HOLDING], capture_output=True, text=True, check=True)
    holding = int(done.stdout) * os.sysconf("SC_PAGE_SIZE")
    # Let go, the embedded model leaves a fifth less behind.
    assert resident_bytes(EMBEDDED, "int8", "the [MASK] of the house") == pytest.approx(holding, rel=0.08)


@LINUX
def test_an_artifact_that_a_fresh_process_cannot_open_is_an_error(tmp_path):
    with pytest.raises(ExportError, match=r"a fresh process cannot predict with variant fp32: fillmask\.errors\.\w+: "):
        resident_bytes(tmp_path, "fp32", "the [MASK]")


def test_where_the_system_does_not_report_memory_it_is_not_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(profiling, "resident_memory", lambda: None)
    assert resident_bytes(tmp_path, "fp32", "the [MASK]") is None


@pytest.mark.parametrize("length", [3, 8, 16, 64])
def test_a_timed_text_has_its_length_and_one_mask(bert, length):
    probe = random_probe(bert.tokenizer, length)
    assert probe.input_ids.size == length
    assert np.flatnonzero(probe.input_ids == bert.tokenizer.mask_token_id).tolist() == probe.positions.tolist()
    assert probe.labels[0] != bert.tokenizer.mask_token_id
