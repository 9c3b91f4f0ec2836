import json
from dataclasses import replace

import pytest

from benchmarks.harness.gate import Gate, check_answers, disagreement, failed_rows, open_gate
from benchmarks.harness.records import write
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


def test_without_an_accuracy_run_no_speed_is_said(folders):
    assert "accuracy was not measured" in open_gate(folders.artifact, folders).reason


def test_an_accuracy_run_of_other_weights_does_not_count(folders):
    assert "other weights" in written(folders, {}, sha256="def").reason


def test_one_that_is_passed_lets_all_run(folders):
    assert written(folders, {}) == Gate({})


def test_another_contender_that_is_wrong_takes_no_part(folders):
    gate = written(folders, {"optimum-int8": "it is wrong"})
    assert gate == Gate({"optimum-int8": "it is wrong"})


def test_where_fillmask_is_wrong_nothing_is_said(folders):
    assert "fillmask-int8" in written(folders, {"fillmask-int8": "it is wrong"}).reason


@pytest.mark.parametrize(("first", "agrees"), [(1, True), (2, True), (3, False), (9, False)])
def test_an_fp32_contender_puts_first_what_the_reference_does_but_for_rounding(first, agrees):
    found = disagreement("optimum-fp32", [[(first, 0.5)]], REFERENCE)
    assert (found is None) == agrees


def test_int8_may_differ():
    assert disagreement("fillmask-int8", [[(9, 0.5)]], REFERENCE) is None


class FakeField:
    def __init__(self, answers):
        self.answers, self.failed = answers, {"faster-clip": "it is not installed"}

    @property
    def alive(self):
        return [name for name in self.answers if name not in self.failed]

    def ask(self, name, command, texts):
        return self.answers[name]

    def fail(self, name, reason):
        self.failed[name] = reason


def test_a_wrong_answer_ends_the_race_and_the_rows_say_why():
    wrong, right = [[(9, 0.9)]], REFERENCE
    field = FakeField({"transformers": right, "optimum-fp32": wrong, "fillmask-int8": wrong, "fillmask-fp32": right})
    notes = check_answers(field, ["text"])
    assert "optimum-fp32" not in field.alive
    assert notes["fillmask-int8"] == "first token as transformers in 0% of 1 texts"
    rows = failed_rows(Gate({"optimum-int8": "it is wrong"}), field, {"tokens": 8}, "ms")
    assert [row.contender for row in rows] == ["optimum-int8", "faster-clip", "optimum-fp32"]
    assert all(row.failed and not row.samples for row in rows)
