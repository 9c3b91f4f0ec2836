"""The variants that may be timed, and those that may be recommended."""

import pytest

from fillmask import ArtifactError
from fillmask.artifact.folder import open_artifact
from fillmask.bench.candidates import Candidate, candidates, trusted
from fillmask.verification import Check
from tests.support import toys
from tests.support.stored import store_predictions

RIGHT, WRONG = Candidate("fp32", checked=True), Candidate("int8", checked=True, failed="predictions differ")
UNCHECKED = [Candidate("fp32", checked=False), Candidate("q8", checked=False)]


def test_a_variant_fails_whose_predictions_differ_here(native_copy):
    store_predictions(native_copy, wrong=["int8"])
    fp32, int8 = candidates(native_copy, open_artifact(native_copy))
    assert fp32 == Candidate("fp32", checked=True)
    assert (int8.variant, int8.checked) == ("int8", True)
    assert int8.failed == "predictions differ here by up to 5.0e-01 (allowed 1e-04)"


def test_a_variant_fails_whose_scores_differ_in_a_batch_alone_and_the_reason_says_so(native_copy, monkeypatch):
    check = Check("int8", 1, 1e-3, 3e-2, 1.0, batch_texts=9, batch_difference=2e-4, batch_tolerance=1e-5)
    monkeypatch.setattr("fillmask.bench.candidates.verify", lambda *_, **__: [check])
    store_predictions(native_copy)
    (found,) = candidates(native_copy, open_artifact(native_copy), "int8")
    assert found.failed == (
        "scores of a text beside padding differ here from those alone by up to 2.0e-04 (allowed 1e-05)"
    )


def test_predictions_are_checked_where_they_are_timed(native_copy, monkeypatch):
    used = []
    monkeypatch.setattr("fillmask.bench.candidates.verify", lambda _, providers: used.append(providers) or [])
    candidates(native_copy, open_artifact(native_copy))
    assert used == [["CPUExecutionProvider"]]


def test_a_variant_of_the_hub_that_is_not_in_the_cache_is_named(native_copy, monkeypatch):
    store_predictions(native_copy)
    monkeypatch.setattr("fillmask.bench.candidates.verify", lambda *_, **__: [Check("int8", 1, 0.0, 1e-4, 1.0)])
    artifact = open_artifact(native_copy)._replace(source="org/name", revision="0123")
    fp32, int8 = candidates("org/name", artifact)
    assert int8 == Candidate("int8", checked=True)
    assert (fp32.variant, fp32.checked) == ("fp32", False)
    assert fp32.failed == (
        "its files are not in the hub's cache; `fillmask pull org/name --revision 0123 --variant fp32` fetches them"
    )
    assert trusted([fp32, int8], "int8") == ["int8"]


def test_a_variant_that_is_wanted_is_the_only_one(native_copy):
    store_predictions(native_copy)
    artifact = open_artifact(native_copy)
    assert candidates(native_copy, artifact, "int8") == [Candidate("int8", checked=True)]
    with pytest.raises(ArtifactError, match="no variant 'fp16'"):
        candidates(native_copy, artifact, "fp16")


def test_a_folder_without_a_manifest_has_nothing_to_check(tmp_path):
    graphs = {name: toys.foreign_graph(toys.tables()) for name in ("model.onnx", "model_quantized.onnx")}
    folder = toys.write_foreign(tmp_path / "model", graphs)
    assert candidates(folder, open_artifact(folder)) == UNCHECKED


def test_a_variant_whose_predictions_are_right_is_trusted():
    assert trusted([RIGHT, WRONG], "int8") == ["fp32"]
    assert trusted([WRONG], "int8") == []


def test_without_stored_predictions_the_default_or_the_only_variant_is_trusted():
    assert trusted(UNCHECKED, "fp32") == ["fp32"]
    assert trusted(UNCHECKED[1:], "fp32") == ["q8"]
