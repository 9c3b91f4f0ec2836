"""Files of weights that a graph names."""

import pytest

from fillmask.artifact.external_data import external_files
from tests.support import toys


def test_the_names_are_those_of_the_graph_each_once(tmp_path):
    toys.write_foreign(tmp_path)
    assert external_files(tmp_path / "model.onnx") == []
    toys.move_weights_out(tmp_path / "model.onnx", "weights of it.bin")
    assert external_files(tmp_path / "model.onnx") == ["weights of it.bin"]


@pytest.mark.parametrize("name", [b"../a", b"/etc/passwd", b"a/../../b"])
def test_a_name_that_leads_out_of_the_folder_is_left_out(tmp_path, name):
    (tmp_path / "model.onnx").write_bytes(b"..\n\x08location\x12" + bytes([len(name)]) + name)
    assert external_files(tmp_path / "model.onnx") == []


def test_an_empty_file_names_nothing(tmp_path):
    (tmp_path / "model.onnx").touch()
    assert external_files(tmp_path / "model.onnx") == []
