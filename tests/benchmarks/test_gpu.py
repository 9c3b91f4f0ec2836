"""The suite of the GPU, run whole on the CPU with a small checkpoint; what only a GPU can show is not shown here."""

import subprocess
import sys

import click
import onnxruntime as ort
import pytest
from click.testing import CliRunner

from benchmarks.contenders.gpu_ import AGAIN, FP32, ON_CPU, OURS, PEAK, REFERENCE, Device
from benchmarks.harness import machine
from benchmarks.harness.records import read
from benchmarks.harness.suite import Found
from benchmarks.measures import gpu_field, gpu_roofline, turns
from benchmarks.measures.gpu_building import build
from benchmarks.measures.gpu_checks import check, compare
from benchmarks.measures.gpu_field import BlockError, race
from benchmarks.measures.gpu_peak import Products
from benchmarks.measures.gpu_races import Pace, best
from benchmarks.models.folders import ModelFolders
from benchmarks.suites import gpu
from fillmask.artifact.folder import EMBEDDED

CPU, CUDA = Device("CPUExecutionProvider"), Device("CUDAExecutionProvider", 1)
TINY = {"rounds": 1, "seconds": 0.01, "texts": 6, "alone": (8, 512), "tokens": (16,), "batch_sizes": (4,),
        "shapes": ((1, 16), (4, 16))}  # fmt: skip
TOLERANCE = 1e-2
ANSWER = [[(1, 0.5), (2, 0.3), (3, 0.1)]]


@pytest.fixture(scope="module")
def folders(checkpoint_of, tmp_path_factory):
    """What ``fillmask export`` makes of a small checkpoint for a GPU."""
    pytest.importorskip("optimum.onnxruntime")
    from fillmask_export import Plan, export

    artifact = tmp_path_factory.mktemp("gpu") / "artifact"
    export(checkpoint_of("wordpiece"), artifact, ("fp32", "fp16"), plan=Plan(masks=50, rounds=0))
    return ModelFolders("minilm", checkpoint_of("wordpiece"), artifact, artifact, trained=True)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(gpu._PACES, "quick", TINY)
    monkeypatch.setattr(machine, "_BEFORE_S", 0.01)
    monkeypatch.setattr(turns, "MOST", 1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # PyTorch's threads wait for each other, long where cores are busy


def run(*arguments):
    return CliRunner().invoke(gpu.command, ["--profile", "quick", *arguments])


def test_the_suite_runs_whole_on_the_cpu(tiny, folders, tmp_path):
    places = ["--checkpoint", str(folders.checkpoint), "--artifact", str(folders.artifact), "--out", str(tmp_path)]
    done = run("--provider", CPU.provider, *places)
    assert done.exit_code == 0, done.stderr
    made = read(tmp_path / "gpu-minilm.json")
    assert made.params["refused"] == {}
    assert [row.failed for row in made.rows if row.failed] == []
    expected = {"one text": {8}, "best batches": {16}, "batches of 4": {16}}
    for way, tokens in expected.items():
        beside = [each for each in made.comparisons if each.baseline == REFERENCE and each.case["way"] == way]
        assert {each.contender for each in beside} == {OURS, FP32}
        assert {each.case["tokens"] for each in beside} == tokens
    shares = {each.case["way"]: each.ratio for each in made.comparisons if each.baseline == PEAK}
    assert shares.keys() == {"run of 1", "run of 4"}
    assert all(0 < share < 1 for share in shares.values())
    settings = {row.contender: row.settings for row in made.rows if row.settings}
    assert settings[OURS]["variant"] == "fp16"
    assert settings[OURS]["nodes"].keys() == {CPU.provider}
    assert settings[REFERENCE]["attention"] == "sdpa"
    assert str(tmp_path) not in (tmp_path / "gpu-minilm.json").read_text()
    table = done.stdout.rstrip().splitlines()[-8:]
    assert "| at most 0.35× the time | " in done.stdout
    assert table[-1].startswith(f"| {OURS} beside peak: 16 tokens, run of 4 | — | ")
    assert table[-1].endswith("*no GPU* |")


def test_a_variant_that_answers_something_else_gets_no_speed(folders, monkeypatch):
    asked = []

    class Field(FakeField):
        def ask(self, name, command, **arguments):
            asked.append(command)
            return super().ask(name, command, **arguments)

    wrong = [[(9, 0.5), (2, 0.3)]]
    field = Field({ON_CPU: ANSWER, OURS: wrong, FP32: ANSWER, REFERENCE: ANSWER})
    monkeypatch.setattr(gpu_field, "GpuField", lambda *_: field)
    found = gpu._race(folders, CPU, Pace(**TINY))
    assert "more than 0.01" in found.gate
    assert set(asked) == {"answers"}
    assert [row.failed for row in found.rows if row.contender == OURS and row.unit == ""] == [
        found.params["refused"][OURS]
    ]


def test_a_provider_that_does_not_start_ends_the_run_with_what_the_engine_says(folders, monkeypatch):
    field = FakeField({ON_CPU: ANSWER}, {OURS: "ProviderError: CUDAExecutionProvider did not start"})
    monkeypatch.setattr(gpu_field, "GpuField", lambda *_: field)
    with pytest.raises(click.ClickException, match="fillmask-fp16: ProviderError: CUDAExecutionProvider did not start"):
        gpu._race(folders, CPU, Pace(**TINY))


def test_another_contender_that_is_wrong_or_fails_is_refused_alone(folders):
    field = FakeField({ON_CPU: ANSWER, OURS: ANSWER, FP32: [[(1, 0.5002)]]}, {REFERENCE: "out of memory"})
    refused = check(Found(), field, folders, 0)
    assert refused[REFERENCE] == "out of memory"
    assert "a score differs from that of fp32 on the CPU by 0.0002, more than 0.0001" in refused[FP32]
    assert OURS not in refused


class FakeField:
    """Gives the same answer to every text."""

    def __init__(self, answers, failed=None):
        self.answers, self.failed, self.settings, self.device = answers, failed or {}, {PEAK: {}}, CPU

    def attempt(self, name, command, **arguments):
        if name in self.failed:
            raise BlockError(self.failed[name])
        return self.ask(name, command, **arguments)

    def ask(self, name, command, texts, **_):
        return self.answers[name] * len(texts)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ([(1, 0.505), (2, 0.3)], None),
        ([(1, 0.52), (2, 0.3)], "a score differs from that of fp32 on the CPU by 0.02"),
        ([(1, 0.5), (9, 0.2)], "a score differs from that of fp32 on the CPU by 0.2"),
        ([(1, float("nan"))], "a score differs from that of fp32 on the CPU by nan"),
        ([(2, 0.3), (1, 0.5)], "its first token is that of fp32 on the CPU, or as likely, in 0.0% of the texts only"),
    ],
)
def test_what_counts_as_the_same_answer(answer, why):
    refusal = compare([answer], ANSWER, TOLERANCE).refusal(TOLERANCE)
    assert (refusal or "").startswith(why or "")
    assert bool(refusal) == bool(why)


def test_of_two_tokens_that_are_as_likely_either_may_be_first():
    agreed = compare([[(2, 0.498)]], [[(1, 0.5), (2, 0.498)]], TOLERANCE)
    assert (agreed.same, agreed.as_likely, agreed.refusal(TOLERANCE)) == (0, 1, None)


def test_a_block_that_fails_is_not_asked_again_and_the_others_go_on():
    asked, seen = [], []

    def fail():
        asked.append(1)
        raise BlockError("out of memory")

    raced = race({("a", 1): lambda: 2.0, ("a", 128): fail}, 3, "", lambda given: bool(seen.append(set(given))) or True)
    assert raced.values == {("a", 1): [2.0] * 3}
    assert raced.failed == {("a", 128): "out of memory"}
    assert len(asked) == 1
    assert seen == [{"('a', 1)"}]


def test_an_error_in_a_process_is_its_answer():
    commands = gpu_field.handlers()
    commands["load"](PEAK, {}, {"provider": CPU.provider})
    assert "TypeError" in commands["rate"](what="no size", operations=1, seconds=0.01)["failed"]
    assert commands["rate"](what=8, operations=2 * 8**3, seconds=0.01)["value"] > 0


def test_each_contender_has_its_own_best_batch_and_the_control_that_of_its_double():
    speeds = {(OURS, 1): [5.0], (OURS, 8): [9.0], (AGAIN, 1): [20.0], (AGAIN, 8): [9.1], (REFERENCE, 1): [3.0],
              (REFERENCE, 8): [2.0]}  # fmt: skip
    assert best(speeds) == {OURS: (OURS, 8), AGAIN: (AGAIN, 8), REFERENCE: (REFERENCE, 1)}


def test_operations_are_those_of_the_weights_the_last_layer_and_the_head_at_the_mask(folders):
    size, inner, tokens, vocabulary = 32, 64, 16, folders.manifest["vocab_size"]
    square, feed, attention = 2 * size * size, 2 * 2 * size * inner, 2 * 2 * tokens * size
    whole = tokens * (4 * square + feed + attention)
    last = tokens * 2 * square + 2 * square + feed + attention
    head = square + 2 * size * vocabulary
    assert gpu_roofline.operations(folders, tokens) == whole + last + head


def test_the_peak_is_of_whole_products():
    import torch

    product, nothing = Products(CPU).prepare_run(8)()
    drawn = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, 8, 8, generator=drawn).unbind()
    torch.testing.assert_close(product, first @ second)
    assert product.dtype == torch.float32
    assert not nothing


def test_a_device_has_a_name_in_both_libraries():
    assert (CUDA.providers, CUDA.torch) == ([("CUDAExecutionProvider", {"device_id": 1})], "cuda:1")
    assert (CPU.providers, CPU.torch) == (["CPUExecutionProvider"], "cpu")
    assert [CUDA.precision_of(name) for name in (OURS, AGAIN, FP32, REFERENCE)] == ["fp16", "fp16", "fp32", "fp16"]
    assert CPU.precision_of(REFERENCE) == "fp32"


def test_an_artifact_without_the_variants_is_refused(checkpoint_of):
    with pytest.raises(click.ClickException, match="lacks fp16, fp32"):
        build("minilm", checkpoint_of("wordpiece"), EMBEDDED)
    assert "--artifact needs --checkpoint" in run("--artifact", str(EMBEDDED)).stderr


@pytest.mark.skipif(CUDA.provider in ort.get_available_providers(), reason="CUDA is there")
def test_a_provider_that_is_not_there_is_an_error_before_anything_is_made():
    done = run()
    assert done.exit_code == 1
    assert "'CUDAExecutionProvider' is not in this ONNX Runtime" in done.stderr


@pytest.mark.parametrize("lacking", ["pydantic", "psutil", "torch", "onnxruntime"])
def test_what_is_not_installed_is_named(lacking):
    code = f"import sys; sys.modules[{lacking!r}] = None; from benchmarks.__main__ import main; main(['gpu'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {lacking} cannot be imported")
