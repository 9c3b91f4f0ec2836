"""What identifies a model without a manifest."""

import pytest

from fillmask.artifact.content_hash import hash_foreign
from fillmask.artifact.folder import open_artifact
from fillmask.errors import IntegrityError
from tests.support import toys


def hashed(folder):
    return hash_foreign(open_artifact(folder), "fp32")


@pytest.fixture
def folder(tmp_path):
    folder = toys.write_foreign(tmp_path / "model")
    toys.move_weights_out(folder / "model.onnx", "weights.bin")
    return folder


def test_a_copy_has_the_same_hash(folder, tmp_path):
    assert hashed(folder) == hashed(folder.rename(tmp_path / "elsewhere"))


@pytest.mark.parametrize("name", ["model.onnx", "weights.bin", "tokenizer.json", "config.json"])
def test_every_file_that_a_prediction_depends_on_counts(folder, name):
    before = hashed(folder)
    content = (folder / name).read_bytes() if (folder / name).exists() else b"{"
    (folder / name).write_bytes(content + (b"\x72\x00" if name == "model.onnx" else b" "))  # an empty field, or a space
    assert hashed(folder) != before


def test_other_files_do_not_count(folder):
    before = hashed(folder)
    (folder / "prior.json").write_text("{}")
    (folder / "model_quantized.onnx").write_bytes(b"x")
    assert hashed(folder) == before


def test_a_file_that_cannot_be_read_is_named(folder):
    artifact = open_artifact(folder)
    (folder / "weights.bin").unlink()
    with pytest.raises(IntegrityError, match=r"weights\.bin cannot be read"):
        hash_foreign(artifact, "fp32")
