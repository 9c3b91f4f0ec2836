import hashlib
import json
import platform
from importlib.metadata import version

import pytest

from fillmask.artifact.folder import open_artifact
from fillmask.artifact.manifest import MANIFEST
from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.manifest import describe, file_record, save_manifest, tools, write_manifest

DESCRIPTION = {"mask_token": "[MASK]", "max_length": 64, "variants": {"fp32": {"file": "model.onnx"}}, "word": "naïve"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"\x00graph\xff")
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def test_every_file_is_listed_with_its_hash_and_size(folder):
    files = write_manifest(folder, DESCRIPTION)["files"]
    assert list(files) == ["config.json", "model.onnx"]
    for name, record in files.items():
        content = (folder / name).read_bytes()
        assert record == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def test_a_record_is_that_of_the_published_hash_of_nothing():
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert file_record(b"") == {"sha256": empty, "bytes": 0}


def test_what_is_written_is_what_is_returned_and_the_manifest_does_not_list_itself(folder):
    manifest = write_manifest(folder, DESCRIPTION)
    assert json.loads((folder / MANIFEST).read_text("utf-8")) == manifest
    assert MANIFEST not in manifest["files"]
    assert DESCRIPTION.items() <= manifest.items()
    assert "naïve" in (folder / MANIFEST).read_text("utf-8")


def test_the_engine_opens_it_and_reads_each_file(folder):
    write_manifest(folder, DESCRIPTION)
    artifact = open_artifact(folder)
    assert artifact.variants == {"fp32": "model.onnx"}
    assert [artifact.read(name) for name in artifact.manifest["files"]] == [b"{}", b"\x00graph\xff"]


def test_the_tools_are_named_with_the_versions_in_use():
    used = tools()
    assert used["python"] == platform.python_version()
    assert {name: version(name) for name in used if name != "python"} == {
        name: number for name, number in used.items() if name != "python"
    }
    assert {"torch", "transformers", "onnxruntime", "tokenizers"} <= used.keys()


def test_a_manifest_saved_again_lists_the_same_files(folder):
    manifest = write_manifest(folder, DESCRIPTION)
    manifest["verification"] = {"rounds": 3}
    save_manifest(folder, manifest)
    assert json.loads((folder / MANIFEST).read_text("utf-8")) == manifest
    assert open_artifact(folder).read("config.json") == b"{}"


def test_a_checkpoint_is_described_by_itself(checkpoint_of):
    checkpoint = open_checkpoint(checkpoint_of("unigram"))
    described = describe(checkpoint, 64)
    assert described["source"] == {"checkpoint": "unigram", "revision": None}
    assert (described["architecture"], described["mask_token"]) == ("XLMRobertaForMaskedLM", "<mask>")
    assert described["mask_token_id"] == checkpoint.tokenizer.convert_tokens_to_ids("<mask>")
    assert (described["vocab_size"], described["max_length"]) == (checkpoint.model.config.vocab_size, 64)
    assert described["graph"]["outputs"] == ["logits float32[b, m, V]"]
