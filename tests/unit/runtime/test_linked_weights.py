"""Weights that are links, with an ONNX Runtime that takes them from memory, and with one that does not."""

import os
import tempfile
from pathlib import Path

import onnxruntime as ort
import pytest

from fillmask import ArtifactError, FillMask
from tests.support import toys


@pytest.fixture(params=["from memory", "copied"])
def loading(request, monkeypatch, tmp_path):
    """How this ONNX Runtime takes weights that are links; new ones are also made to do as old ones."""
    name = "add_external_initializers_from_files_in_memory"
    if request.param == "copied":
        monkeypatch.delattr(ort.SessionOptions, name, raising=False)
    elif not hasattr(ort.SessionOptions, name):
        pytest.skip("this ONNX Runtime takes no weights from memory")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return request.param


def linked(home, whole):
    """A copy of a model folder, of links to files of other names, laid out as the hub's cache."""
    for path in (path for path in whole.rglob("*") if path.is_file()):
        blob = home / "blobs" / path.name[::-1]
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(path.read_bytes())
        link = home / "snapshots" / "0123" / path.relative_to(whole)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    return home / "snapshots" / "0123"


def foreign(folder):
    toys.write_foreign(folder)
    toys.move_weights_out(folder / "model.onnx", "model.onnx_data")
    return folder


@pytest.mark.parametrize("write", [toys.write_weighty, foreign])
def test_a_model_of_links_predicts_as_one_of_files_and_leaves_no_copy(tmp_path, write, loading):
    assert loading
    plain = write(tmp_path / "plain")
    expected = FillMask(plain, threads=1).predict("the [MASK] sat")
    fill_mask = FillMask(linked(tmp_path / "models--org--name", plain), threads=1)
    assert os.listdir(tmp_path / "temporary") == []
    assert fill_mask.predict("the [MASK] sat") == expected


@pytest.mark.parametrize("loading", ["copied"], indirect=True)
def test_a_full_disk_names_the_folder_of_the_copies(tmp_path, monkeypatch, loading):
    assert loading

    def full(*_):
        raise OSError(28, "No space left on device")

    model = linked(tmp_path / "models--org--name", toys.write_weighty(tmp_path / "plain"))
    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(ArtifactError, match="cannot be: No space left on device; TMPDIR names another folder"):
        FillMask(model, threads=1)
    assert list(Path(tempfile.gettempdir()).iterdir()) == []
