"""Files of a checkpoint that lead out of it are refused by export and train before anything is loaded."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, AutoTokenizer

from fillmask_export import CheckpointError
from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.training.errors import TrainingError
from fillmask_export.training.model import open_encoder

INDEX = "model.safetensors.index.json"
REFUSED = {open_checkpoint: CheckpointError, lambda folder: open_encoder(str(folder), "cpu"): TrainingError}


@pytest.fixture
def loaded(monkeypatch):
    """Whether transformers loads a model or a tokenizer."""
    for factory in (AutoModelForMaskedLM, AutoTokenizer):
        monkeypatch.setattr(factory, "from_pretrained", lambda *_, **__: pytest.fail("it is loaded"))


def assert_refused(folder, message):
    for load, error in REFUSED.items():
        with pytest.raises(error, match=message):
            load(folder)


def write(folder, name, **content):
    path = folder / name
    before = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(before | content))


def shard(folder, name):
    """Have an index name a file for all weights."""
    weights = load_file(folder / "model.safetensors")
    torch.save(weights, folder / "shard.bin")
    shutil.copy(folder / "model.safetensors", folder.parent / "outside.safetensors")
    (folder / "model.safetensors").rename(folder / "model-0.safetensors")
    write(folder, INDEX, metadata={}, weight_map=dict.fromkeys(weights, name))


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    "name",
    ["shard.bin", "../outside.safetensors", "{home}/outside.safetensors", "a\\b.safetensors", "", 1, None, ["a"]],
)
def test_an_index_that_names_a_pickle_or_a_file_elsewhere_is_refused(checkpoint_copy, name):
    shard(checkpoint_copy, name.format(home=checkpoint_copy.parent) if isinstance(name, str) else name)
    assert_refused(checkpoint_copy, r"model\.safetensors\.index\.json of .* names .*, expected the name of a file")


@pytest.mark.usefixtures("loaded")
def test_an_index_of_pickles_that_names_a_file_elsewhere_is_refused_though_pickles_are_allowed(checkpoint_copy):
    shard(checkpoint_copy, "model-0.safetensors")
    (checkpoint_copy / INDEX).rename(checkpoint_copy / "pytorch_model.bin.index.json")
    (checkpoint_copy / "model-0.safetensors").unlink()
    (checkpoint_copy / "shard.bin").rename(checkpoint_copy / "pytorch_model-1.bin")
    write(checkpoint_copy, "pytorch_model.bin.index.json", weight_map={"a": "../shard.bin"})
    with pytest.raises(CheckpointError, match=r"names '../shard\.bin', expected the name of a file \*\.bin beside it"):
        open_checkpoint(checkpoint_copy, allow_pickle=True)


def test_an_index_that_names_files_of_the_checkpoint_is_loaded(checkpoint_copy, checkpoint_of):
    shard(checkpoint_copy, "model-0.safetensors")
    expected = open_checkpoint(checkpoint_of("wordpiece")).model.state_dict()
    got = open_checkpoint(checkpoint_copy).model.state_dict()
    assert all(torch.equal(expected[name], got[name]) for name in expected)
    open_encoder(str(checkpoint_copy), torch.device("cpu"))


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"weight_map": []}', "[" * 100_000])
def test_a_broken_index_is_refused(checkpoint_copy, content):
    shard(checkpoint_copy, "model-0.safetensors")
    (checkpoint_copy / INDEX).write_text(content)
    assert_refused(checkpoint_copy, rf"{INDEX} of .* (cannot be read|has no weight_map)")


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("name", ["README.md", "tokenizer.json", "config.json", "model.safetensors", "vocab.txt"])
def test_a_file_that_is_a_link_elsewhere_is_refused(checkpoint_copy, name):
    outside = checkpoint_copy.parent / "outside"
    outside.write_text("secret")
    (checkpoint_copy / name).unlink(missing_ok=True)
    (checkpoint_copy / name).symlink_to(outside)
    assert_refused(checkpoint_copy, rf"{name} is a link out of its folder, to .*outside; put the file itself in its")


@pytest.mark.usefixtures("loaded")
def test_a_dangling_link_is_refused(checkpoint_copy):
    (checkpoint_copy / "README.md").symlink_to("/nonexistent/file")
    assert_refused(checkpoint_copy, "README.md is a link out of its folder")


def test_links_within_the_folder_and_within_the_hubs_cache_are_read(checkpoint_copy, tmp_path):
    snapshot, blobs = tmp_path / "models--o--n" / "snapshots" / "c", tmp_path / "models--o--n" / "blobs"
    snapshot.mkdir(parents=True)
    checkpoint_copy.rename(blobs)
    for path in blobs.iterdir():
        (snapshot / path.name).symlink_to(f"../../blobs/{path.name}")
    (snapshot / "README.md").symlink_to("config.json")
    assert open_checkpoint(snapshot).architecture == "BertForMaskedLM"


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("adapter_config.json", {"base_model_name_or_path": "../other"}, "is an adapter to another model"),
        ("config.json", {"transformers_weights": "../x.safetensors.index.json"}, "config.json of .* names '../x"),
        ("tokenizer_config.json", {"fast_tokenizer_files": ["../../tokenizer.4.0.json"]}, "names '../../tokenizer"),
        ("tokenizer_config.json", {"vocab_file": "{outside}"}, "has vocab_file '.*', a file outside of it"),
        ("tokenizer_config.json", {"tokenizer_file": "{outside}"}, "has tokenizer_file '.*', a file outside of it"),
    ],
)
def test_settings_that_lead_elsewhere_are_refused(checkpoint_copy, name, content, message):
    outside = checkpoint_copy.parent / "outside"
    outside.write_text("secret")
    write(checkpoint_copy, name, **json.loads(json.dumps(content).replace("{outside}", str(outside))))
    assert_refused(checkpoint_copy, message)


def test_a_path_of_the_authors_machine_that_does_not_exist_is_no_reason(checkpoint_copy):
    write(checkpoint_copy, "tokenizer_config.json", special_tokens_map_file="/root/.cache/x", name_or_path="../x")
    assert open_checkpoint(checkpoint_copy).architecture == "BertForMaskedLM"


def test_code_that_the_tokenizers_settings_name_is_not_run(checkpoint_copy, tmp_path):
    (checkpoint_copy / "custom.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nTokenizer = None\n")
    write(checkpoint_copy, "tokenizer_config.json", auto_map={"AutoTokenizer": [None, "custom.Tokenizer"]})
    assert open_checkpoint(checkpoint_copy).architecture == "BertForMaskedLM"
    assert not (tmp_path / "ran").exists()
