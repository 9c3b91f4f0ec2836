"""All suites of a GPU on the stand-in, with a small checkpoint; what only a GPU can show is not shown here."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

from benchmarks.contenders.instrumented import profile
from benchmarks.device import CPU, DEVICES
from benchmarks.harness import machine, rounds, suite
from benchmarks.harness.options import Schedule
from benchmarks.harness.records import read
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer
from benchmarks.report.results import load
from benchmarks.suites import accuracy, latency, throughput
from benchmarks.suites.products import count

OURS, FP32, REFERENCE = "fillmask-fp16", "fillmask-fp32", "transformers"


@pytest.fixture(scope="module")
def folders(checkpoint_of, torch_tracer, tmp_path_factory):
    """What ``fillmask export`` makes of a small checkpoint for a GPU."""
    pytest.importorskip("torch")
    from fillmask_export import Plan, export

    artifact = tmp_path_factory.mktemp("gpu") / "artifact"
    export(checkpoint_of("wordpiece"), artifact, ("fp32", "fp16"), plan=Plan(masks=50, rounds=0))
    return ModelFolders("minilm", checkpoint_of("wordpiece"), artifact, artifact, trained=True)


@pytest.fixture
def tiny(folders, monkeypatch):
    monkeypatch.setattr(suite, "prepare", lambda *_: folders)
    monkeypatch.setattr(machine, "_BEFORE_S", 0.01)
    monkeypatch.setattr(rounds, "MOST", 1)
    monkeypatch.setitem(accuracy._MASKS, "quick", 6)
    monkeypatch.setattr(latency, "_QUICK", Schedule(3, tokens=(8, 512), texts=2, calls=(1, 2), seconds=0.01))
    monkeypatch.setattr(throughput, "_GPU_BATCH_SIZES", (4,))
    monkeypatch.setitem(throughput._GPU_TEXTS, "quick", 8)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # PyTorch's threads wait for each other, long where cores are busy


def run(suite, folder):
    arguments = ["--device", "stand-in", "--profile", "quick", "--rounds", "3", "--out", str(folder)]
    done = CliRunner().invoke(suite.command, arguments)
    assert done.exit_code == 0, done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_the_suites_run_on_the_stand_in(tmp_path):
    for each in (accuracy, latency, throughput):
        run(each, tmp_path)
    records = {name: read(tmp_path / f"{name}-minilm-stand-in.json") for name in ("accuracy", "latency", "throughput")}
    assert {record.device for record in records.values()} == {"stand-in"}
    assert records["accuracy"].params["refused"] == {}
    assert {row.case["batch"] for row in records["accuracy"].rows} == {1, 8}
    assert [row.failed for record in records.values() for row in record.rows if row.failed] == []
    beside = [each for name in ("latency", "throughput") for each in records[name].comparisons
              if each.baseline == REFERENCE]  # fmt: skip
    assert {each.contender for each in beside} == {OURS, FP32}
    assert {str(each.case) for each in beside} == {"{'tokens': 8}", "{'way': 'one by one'}", "{'way': 'batches'}"}
    settings = {row.contender: row.settings for row in records["latency"].rows}
    assert (settings[OURS]["variant"], settings[REFERENCE]["attention"]) == ("fp16", "sdpa")
    assert settings[OURS]["nodes"].keys() == {"CPUExecutionProvider"}
    assert not any(str(tmp_path) in path.read_text() for path in tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_a_variant_with_wrong_predictions_gets_no_speed(tmp_path, monkeypatch):
    monkeypatch.setattr(accuracy, "refusal", lambda precision, *_: "it is wrong" if precision == "fp16" else None)
    for each in (accuracy, latency):
        run(each, tmp_path)
    (latency_record,) = [each for each in load(tmp_path).records if each.suite == "latency"]
    assert "the accuracy run is not valid" in latency_record.invalid_reasons
    assert {row.contender for row in latency_record.rows if row.failed} >= {OURS}


def test_operations_are_those_of_the_weights_the_last_layer_and_the_head_at_the_mask(folders):
    size, inner, tokens, vocabulary = 32, 64, 16, folders.manifest["vocab_size"]
    square, feed, attention = 2 * size * size, 2 * 2 * size * inner, 2 * 2 * tokens * size
    whole = tokens * (4 * square + feed + attention)
    last = tokens * 2 * square + 2 * square + feed + 2 * attention  # of two queries, one more than masks
    head = square + 2 * size * vocabulary
    (text,) = Writer.of(folders).write(tokens, 1)
    assert count(profile(folders.artifact, "fp32", 1, text, 2), 2) == whole + last + head


def test_the_stand_in_is_cuda_but_for_where_it_runs():
    cuda, stand_in = DEVICES["cuda"], DEVICES["stand-in"]
    places = {"name", "provider", "torch", "torch_precision"}
    assert replace(stand_in, **{name: getattr(cuda, name) for name in places}) == cuda
    assert (CPU.ours, cuda.ours, cuda.again) == ("fillmask-int8", OURS, f"{OURS}-again")
