"""The command ``fillmask bench`` on toy models, for as short as it can."""

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from fillmask import FillMask
from fillmask.bench import machine, rounds, run
from fillmask.cli.main import main
from fillmask.runtime import providers
from fillmask.verification import verify
from tests.support import toys
from tests.support.stored import TEXT, store_predictions

AVAILABLE = ("CUDAExecutionProvider", "CPUExecutionProvider")


@pytest.fixture
def artifact(native_copy):
    """A native folder of two variants that both store a prediction."""
    store_predictions(native_copy)
    return native_copy


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Two threads on any machine, and no process to weigh a variant in, and short blocks."""
    monkeypatch.setattr(run, "available_threads", lambda: 2)
    monkeypatch.setattr(machine, "peak_memory", lambda *_: 100_000_000)
    monkeypatch.setattr(rounds, "_BLOCK_S", 0.001)


def bench(*arguments):
    return CliRunner().invoke(main, ["bench", "--seconds", "0", *map(str, arguments)])


def test_every_variant_is_timed_with_every_count_of_threads(artifact):
    result = bench(artifact)
    assert result.exit_code == 0, result.stderr
    latency, throughput = (re.findall(r"^  (fp32|int8) +(\S+(?: × 16)?) ", part, re.MULTILINE)
                           for part in result.stdout.split("Many texts"))  # fmt: skip
    assert sorted(latency) == [("fp32", "1"), ("fp32", "2"), ("int8", "1"), ("int8", "2")]
    assert sorted(throughput) == sorted((name, how) for name in ("fp32", "int8") for how in ("1", "2", "2 × 16"))


def test_a_variant_that_was_not_fetched_is_named_and_no_failure(artifact, monkeypatch):
    monkeypatch.setattr("fillmask.bench.candidates.verify", lambda model, **options: verify(model, **options)[1:])
    result = bench(artifact)
    assert "fp32: not timed, its files are not in the hub's cache" in result.stdout
    assert result.exit_code == 0


def test_what_to_type_runs(artifact):
    result = bench(artifact.rename(artifact.with_name("two words")))
    typed = re.findall(r"^  (FillMask\(.*)", result.stdout, re.MULTILINE)
    assert len(typed) == 2
    for line in typed:
        assert eval(line, {"FillMask": FillMask, "texts": [TEXT]})
    (served,) = re.findall(r"^  fillmask (serve .*)", result.stdout, re.MULTILINE)
    command, folder, *options = shlex.split(served)
    assert (command, Path(folder).name, options[2:]) == ("serve", "two words", ["--threads", options[3]])
    assert CliRunner().invoke(main, [command, *options, "--help"]).exit_code == 0


def test_beside_a_gpu_the_cpu_is_checked_timed_and_recommended_by_its_name(artifact, monkeypatch):
    monkeypatch.setattr(providers.ort, "get_available_providers", lambda: [*AVAILABLE])
    result = bench(artifact)
    assert (result.exit_code, "warning" in result.stderr) == (0, False)
    assert "native on the CPU, 2 threads of " in result.stdout
    assert "by default" not in result.stdout
    typed = re.findall(r"^  (FillMask\(.*|fillmask serve .*)", result.stdout, re.MULTILINE)
    named = [line for line in typed if 'providers=["CPUExecutionProvider"]' in line or line.endswith(" --provider cpu")]
    assert len(typed) == len(named) == 3
    for advice in (json.loads(bench(artifact, "--json").stdout)[way] for way in ("latency", "throughput")):
        assert 'providers=["CPUExecutionProvider"]' in advice["python"]
        assert advice["shell"].endswith(" --provider cpu")


def test_beside_a_gpu_a_model_without_a_variant_for_it_runs_on_the_cpu_by_default(artifact, monkeypatch):
    variants = json.loads((artifact / "fillmask.json").read_text())["variants"]
    toys.write_manifest(artifact, variants={"int8": variants["int8"]})
    monkeypatch.setattr(providers.ort, "get_available_providers", lambda: [*AVAILABLE])
    result = bench(artifact)
    assert "native on 2 threads of " in result.stdout
    assert "provider" not in result.stdout


def test_json_holds_every_time_and_the_advice(artifact):
    document = json.loads(bench("--json", artifact, "--tokens", 8, "--tokens", 16).stdout)
    assert {cell["tokens"] for cell in document["cells"]} == {8, 16}
    assert sum(cell["control"] for cell in document["cells"]) == 2
    assert all(len(cell["ms_per_text"]) == 3 for cell in document["cells"])
    assert document["latency"]["python"].startswith(f'FillMask("{artifact}", variant="')
    assert document["machine"]["threads"] == machine.available_threads()


def test_a_variant_that_predicts_wrongly_here_is_neither_timed_nor_recommended(artifact):
    store_predictions(artifact, wrong=["int8"])
    result = bench(artifact)
    assert result.exit_code == 1
    assert "int8: not timed, predictions differ here by up to 5.0e-01 (allowed 1e-04)" in result.stdout
    assert not re.search(r"^  int8|variant=.int8", result.stdout, re.MULTILINE)
    assert 'variant="fp32"' in result.stdout


def test_a_model_of_which_no_variant_predicts_rightly_gets_no_times(artifact):
    store_predictions(artifact, wrong=["int8", "fp32"])
    result = bench(artifact)
    assert result.exit_code == 1
    assert result.stdout.count("not timed") == 2
    assert "FillMask" not in result.stdout


def test_of_a_folder_that_stores_no_predictions_only_what_runs_by_default_is_recommended(tmp_path):
    graphs = {name: toys.foreign_graph(toys.tables()) for name in ("model.onnx", "model_quantized.onnx")}
    result = bench("--json", toys.write_foreign(tmp_path / "model", graphs))
    document = json.loads(result.stdout)
    assert {cell["variant"] for cell in document["cells"]} == {"fp32", "q8"}
    assert {document[way]["setup"]["variant"] for way in ("latency", "throughput")} == {"fp32"}


def test_the_variant_of_the_option_is_the_only_one_timed(artifact):
    document = json.loads(bench("--json", artifact, "--variant", "fp32", "--threads", 1).stdout)
    assert {(cell["variant"], cell["threads"]) for cell in document["cells"]} == {("fp32", 1)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--variant", "fp16"], "has no variant 'fp16'; it has fp32, int8"),
        (["--tokens", "99"], "from 3 to 16 tokens, which the model takes; got 99"),
        (["--threads", "0"], "threads must be at least 1, got 0"),
        (["--seconds", "-1"], "seconds must be at least 0, got -1"),
        (["--top-k", "-1"], "top_k must be a whole number"),
    ],
)
def test_an_option_that_cannot_be_met_is_refused_in_one_line(artifact, arguments, message):
    result = bench(artifact, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr.splitlines()[-1]
    assert result.stdout == ""


def test_what_does_not_fit_in_memory_is_not_loaded(artifact, monkeypatch):
    monkeypatch.setattr(run, "free_memory", lambda: 350_000_000)
    result = bench(artifact)
    assert result.exit_code == 2
    assert "4 pairs of variant and threads takes 0.4 GB of memory, and 0.3 GB are free" in result.stderr
    assert bench(artifact, "--variant", "int8").exit_code == 0
