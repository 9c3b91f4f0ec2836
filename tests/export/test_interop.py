"""What other people have: folders that optimum writes, in both of their layouts, and checkpoints of the hub."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import warnings
from functools import cache
from pathlib import Path

import pytest

from fillmask import FillMask
from tests.support.agreement import ask_engine, ask_reference, assert_agree
from tests.support.cases import calls
from tests.support.training import sentences

transformers = pytest.importorskip("transformers")

COMMIT, OTHER = "0123456789abcdef0123456789abcdef01234567", "f" * 40
CORNERS = ("single_mask", "several_masks", "mixed_list", "random_masks")

NO_NETWORK = """
import json, socket, sys

def refuse(*arguments):
    raise SystemExit(f"the network was used: {arguments[1:]}")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
"""
EXPORT = f"""{NO_NETWORK}
from fillmask import FillMask, FillMaskError
from fillmask_export import Plan, export

checkpoint, out, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
try:
    manifest = export(checkpoint, out, ("fp32",), plan=Plan(masks=40), **options)
    print(json.dumps([manifest["source"], len(FillMask(out).predict("The [MASK] sleeps.")[0])]))
except FillMaskError as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""
TRAIN = f"""{NO_NETWORK}
from fillmask.cli.main import main

try:
    main(["train", *sys.argv[1:]], standalone_mode=False)
    print([0])
except SystemExit as ended:
    print([ended.code])
"""
OPEN = f"""{NO_NETWORK}
from fillmask import FillMask, FillMaskError

try:
    fill_mask = FillMask("org/name", threads=1)
    print(json.dumps([fill_mask.artifact.revision, fill_mask("The [MASK] sleeps.", top_k=3)]))
except FillMaskError as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""


@pytest.fixture(scope="module")
def optimum_of(checkpoint_of, tmp_path_factory):
    """Makes a family's folder as optimum does, with the int8 graph of its quantizer beside the fp32 one."""
    runtime = pytest.importorskip("optimum.onnxruntime")

    @cache
    def make(family: str) -> Path:
        folder = tmp_path_factory.mktemp(f"optimum-{family}")
        with warnings.catch_warnings():
            # torch warns of each branch that it traces, and optimum leaves its temporary folder to the collector.
            warnings.simplefilter("ignore")
            runtime.ORTModelForMaskedLM.from_pretrained(checkpoint_of(family), export=True).save_pretrained(folder)
            gc.collect()
        transformers.AutoTokenizer.from_pretrained(checkpoint_of(family)).save_pretrained(folder)
        config = runtime.AutoQuantizationConfig.avx2(is_static=False, per_channel=False)
        quantizer = runtime.ORTQuantizer.from_pretrained(folder, file_name="model.onnx")
        quantizer.quantize(save_dir=folder, quantization_config=config)
        return folder

    return make


@pytest.fixture(params=["flat", "onnx/"])
def laid_out(request, optimum_of, family, tmp_path):
    """The folder as it is, and as onnx-community has it: the graphs in a folder of their own."""
    folder = shutil.copytree(optimum_of(family), tmp_path / "model")
    if request.param == "onnx/":
        (folder / "onnx").mkdir()
        for graph in folder.glob("*.onnx*"):
            graph.rename(folder / "onnx" / graph.name)
    return folder


@pytest.fixture
def quantized_reference(optimum_of, family):
    """optimum's own pipeline on the quantized graph."""
    from optimum.onnxruntime import ORTModelForMaskedLM

    folder = optimum_of(family)
    model = ORTModelForMaskedLM.from_pretrained(folder, file_name="model_quantized.onnx")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return transformers.pipeline("fill-mask", model=model, tokenizer=tokenizer)


@pytest.mark.parametrize("corner", CORNERS)
def test_a_folder_of_optimum_predicts_as_transformers_does(laid_out, reference, family, corner):
    engine = FillMask(laid_out, threads=1)
    assert (engine.variant, engine.artifact.manifest) == ("fp32", {})
    for call in calls(family)[corner]:
        assert_agree(ask_engine(engine, call), ask_reference(reference, call))


def test_a_quantized_graph_of_optimum_predicts_as_optimum_does(laid_out, quantized_reference, family):
    engine = FillMask(laid_out, variant="q8", threads=1)
    for corner in ("single_mask", "several_masks"):
        for call in calls(family)[corner]:
            # optimum scales the activations of a whole batch together, so texts run one by one.
            assert_agree(ask_engine(engine, call), ask_reference(quantized_reference, call))


def test_the_variants_of_a_folder_are_distinguished(laid_out):
    engines = [FillMask(laid_out, variant=variant, threads=1) for variant in ("fp32", "q8")]
    assert list(engines[0].artifact.variants) == ["fp32", "q8"]
    first, second = (engine("The [MASK] sleeps.", top_k=20) for engine in engines)
    assert first != second


def hub_cache(home: Path, checkpoint: Path, commit: str = COMMIT, branch: str = "main") -> None:
    """Lay a checkpoint out as huggingface_hub keeps what it has downloaded."""
    repository = home / "hub" / "models--org--name"
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir(exist_ok=True)
    for path in checkpoint.iterdir():
        blob = Path(shutil.copy(path, repository / "blobs" / f"{commit[:8]}-{path.name}"))
        (snapshot / path.name).symlink_to(blob)
    (repository / "refs").mkdir(exist_ok=True)
    (repository / "refs" / branch).write_text(commit)


@pytest.fixture
def offline(tmp_path):
    """Runs a script in a Python of its own, since libraries read their environment when they are imported."""

    def run(script: str, *arguments: str) -> list[object]:
        paths = {"HF_HOME": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
        options = {"env": os.environ | paths, "capture_output": True, "text": True, "timeout": 300}
        done = subprocess.run([sys.executable, "-c", script, *arguments], check=False, **options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture
def export_offline(offline, tmp_path):
    """Exports a hub id."""

    def run(**options: object) -> list[object]:
        return offline(EXPORT, "org/name", str(tmp_path / "out"), json.dumps(options))

    return run


def test_a_model_of_optimum_in_the_hubs_cache_is_opened_and_the_network_left_alone(offline, optimum_of, tmp_path):
    hub_cache(tmp_path, optimum_of("wordpiece"))
    expected = FillMask(optimum_of("wordpiece"), threads=1)("The [MASK] sleeps.", top_k=3)
    assert offline(OPEN) == [COMMIT, expected]


def test_a_model_that_is_not_in_the_hubs_cache_is_refused_and_the_network_left_alone(offline):
    assert offline(OPEN)[0] == "ArtifactError"


@pytest.mark.parametrize(
    ("revision", "commit"),
    [
        ("next", OTHER),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in [(None, COMMIT), ("main", COMMIT), (OTHER, OTHER)]),
    ],
)
def test_the_commit_of_a_hub_checkpoint_is_written_down_and_its_card_kept(
    export_offline, checkpoint_of, tmp_path, revision, commit
):
    hub_cache(tmp_path, checkpoint_of("wordpiece"))
    with_card = shutil.copytree(checkpoint_of("wordpiece"), tmp_path / "with a card")
    (with_card / "README.md").write_text("---\nlicense: mit\nlanguage: en\n---\n")
    hub_cache(tmp_path, with_card, OTHER, "next")
    assert export_offline(revision=revision) == [{"checkpoint": "org/name", "revision": commit}, 5]
    card = (tmp_path / "out" / "README.md").read_text()
    assert ("license: mit" in card, "language: en" in card) == (commit == OTHER,) * 2


def test_a_hub_checkpoint_that_is_not_in_the_cache_is_refused_and_the_network_left_alone(export_offline):
    kind, message = export_offline()
    assert kind == "CheckpointError"
    assert message.startswith("'org/name' is not a folder, and the hub model cannot be had: ")
    assert "\n" not in message


@pytest.mark.slow
def test_a_hub_encoder_is_trained_at_its_revision(offline, checkpoint_of, tmp_path):
    hub_cache(tmp_path, checkpoint_of("wordpiece"), OTHER, "next")  # no branch main
    (tmp_path / "text.txt").write_text("\n\n".join(sentences()))
    out = tmp_path / "out"
    small = ["--steps", "1", "--batch-tokens", "256", "--max-length", "64", "--short-length", "48"]
    assert offline(TRAIN, "org/name@next", str(tmp_path / "text.txt"), "--out", str(out), *small) == [0]
    assert (out / "model.safetensors").exists()


@pytest.mark.slow
@pytest.mark.parametrize("revision", ["no-such-branch", "e" * 40])
def test_a_revision_that_is_not_in_the_cache_is_refused(export_offline, checkpoint_of, tmp_path, revision):
    hub_cache(tmp_path, checkpoint_of("wordpiece"))
    assert export_offline(revision=revision)[0] == "CheckpointError"


@pytest.mark.slow
def test_a_hub_checkpoint_of_pickled_weights_is_refused_and_the_way_out_is_named(
    export_offline, checkpoint_of, tmp_path
):
    import torch
    from safetensors.torch import load_file

    folder = shutil.copytree(checkpoint_of("wordpiece"), tmp_path / "pickled")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    hub_cache(tmp_path, folder)
    kind, message = export_offline()
    assert kind == "CheckpointError"
    assert "--allow-pickle" in message
    assert export_offline(allow_pickle=True) == [{"checkpoint": "org/name", "revision": COMMIT}, 5]
