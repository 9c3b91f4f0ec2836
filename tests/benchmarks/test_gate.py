import json
from dataclasses import replace

import pytest

from benchmarks.device import CPU, DEVICES
from benchmarks.harness.gate import Gate, blocking, check_predictions, disagreement, open_gate
from benchmarks.harness.records import write
from benchmarks.harness.worker import ContenderError
from benchmarks.models.folders import ModelFolders
from tests.support.record_examples import RECORD

REFERENCE = [[(1, 0.5), (2, 0.5 - 1e-6), (3, 0.1)]]
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


@pytest.mark.parametrize(("first", "agrees"), [(1, True), (2, True), (3, False), (9, False)])
def test_an_fp32_contender_puts_first_what_the_reference_does_but_for_rounding(first, agrees):
    found = disagreement("fp32", [[(first, 0.5)]], REFERENCE)
    assert (found is None) == agrees


def test_int8_may_differ():
    assert disagreement("int8", [[(9, 0.5)]], REFERENCE) is None


def test_fp16_may_differ_in_one_text_of_a_hundred():
    right, wrong = REFERENCE * 100, REFERENCE * 98 + [[(9, 0.5)]] * 2
    assert disagreement("fp16", [*right[:99], [(9, 0.5)]], right) is None
    assert "in 2 of 100 texts, first in number 98" in disagreement("fp16", wrong, right)


def test_on_a_gpu_only_the_main_variant_must_be_right():
    refused = {"fillmask-fp32": "it is wrong", "transformers": "it is wrong"}
    assert blocking(refused, DEVICES["cuda"]) == {}
    assert blocking(refused, CPU) == {"fillmask-fp32": "it is wrong"}
    assert blocking({"fillmask-fp16": "it is wrong"}, DEVICES["cuda"])


def test_a_gpu_has_an_accuracy_run_of_its_own(folders):
    assert written(folders, {}) == Gate()
    assert "was not measured" in open_gate(folders.artifact, folders, DEVICES["cuda"]).reason


class FakeWorkers:
    def __init__(self, predictions):
        self.predictions, self.loaded = predictions, list(predictions)

    def call(self, name, command, texts):
        if isinstance(self.predictions[name], str):
            raise ContenderError(self.predictions[name])
        return self.predictions[name]


def test_wrong_predictions_and_failures_have_their_reasons():
    wrong, right = [[(9, 0.9)]], REFERENCE
    predictions = {"transformers": right, "optimum-fp32": wrong, "fillmask-int8": wrong, "fillmask-fp32": right}
    workers = FakeWorkers(predictions | {"faster-clip": "it ended"})
    notes, found = check_predictions(workers, workers.loaded, ["text"])
    assert notes["fillmask-int8"] == "first token as transformers in 0% of 1 texts"
    assert found.keys() == {"optimum-fp32", "faster-clip"}
    assert found["faster-clip"] == "it ended"


def test_a_reference_in_fp16_decides_nothing():
    workers = FakeWorkers({"transformers": REFERENCE, "fillmask-fp32": [[(9, 0.9)]]})
    assert check_predictions(workers, workers.loaded, ["text"], DEVICES["cuda"]) == ({}, {})
