import json
from dataclasses import replace

import pytest

from benchmarks.device import CPU, DEVICES
from benchmarks.harness.gate import Gate, blocking, open_gate
from benchmarks.harness.records import write
from benchmarks.models.folders import ModelFolders
from tests.support.record_examples import RECORD

MANIFEST = {
    "architecture": "BertForMaskedLM",
    "vocab_size": 10,
    "variants": {"int8": {"file": "model_int8.onnx"}},
    "files": {"model_int8.onnx": {"sha256": "abc"}},
}


@pytest.fixture
def folders(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "fillmask.json").write_text(json.dumps(MANIFEST))
    return ModelFolders("minilm", tmp_path, tmp_path, tmp_path, trained=True)


def written(folders, refused, **changed):
    params = {"subject": folders.described() | changed, "refused": refused}
    write(replace(RECORD, suite="accuracy", params=params), folders.artifact)
    return open_gate(folders.artifact, folders)


def test_without_an_accuracy_run_there_are_no_speeds(folders):
    assert "accuracy was not measured" in open_gate(folders.artifact, folders).reason


def test_an_accuracy_run_of_other_weights_does_not_count(folders):
    assert "other weights" in written(folders, {}, sha256="def").reason


def test_one_that_is_passed_lets_all_run(folders):
    assert written(folders, {}) == Gate({})


def test_another_contender_that_is_wrong_takes_no_part(folders):
    gate = written(folders, {"optimum-int8": "it is wrong"})
    assert gate == Gate({"optimum-int8": "it is wrong"})


def test_where_fillmask_is_wrong_there_are_no_speeds(folders):
    assert "fillmask-int8" in written(folders, {"fillmask-int8": "it is wrong"}).reason


def test_on_a_gpu_only_the_main_variant_must_be_right():
    refused = {"fillmask-fp32": "it is wrong", "transformers": "it is wrong"}
    assert blocking(refused, DEVICES["cuda"]) == {}
    assert blocking(refused, CPU) == {"fillmask-fp32": "it is wrong"}
    assert blocking({"fillmask-fp16": "it is wrong"}, DEVICES["cuda"])


def test_a_gpu_has_an_accuracy_run_of_its_own(folders):
    assert written(folders, {}) == Gate()
    assert "was not measured" in open_gate(folders.artifact, folders, DEVICES["cuda"]).reason
