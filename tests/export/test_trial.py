import dataclasses
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from fillmask_export import FidelityError, Plan, trial
from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.fidelity import Fidelity
from fillmask_export.material import gather
from fillmask_export.passes import make_lean
from fillmask_export.trial import judge
from fillmask_export.variants import build
from tests.support.graphs import operators, run, stored_bytes, texts

EXACT = Fidelity(100, 0.0, 1.0, 1.0, 0.0, 0.5, 0.5, 0)
PLAN = Plan(masks=60, max_kl=1.0, max_accuracy_loss=1.0)


@pytest.fixture(scope="module")
def bert(checkpoint_of):
    return open_checkpoint(checkpoint_of("wordpiece"))


@pytest.fixture(scope="module")
def material(bert):
    return gather(bert.tokenizer, PLAN, 64)


@pytest.fixture
def built(bert, material, plain_of, tmp_path):
    """Builds a variant of the checkpoint and gives the path of its graph."""

    def make(variant):
        model = ir.load(plain_of("wordpiece"))
        make_lean(model)
        return tmp_path / build(variant, model, material, tmp_path)["file"]

    return make


@pytest.mark.parametrize("variant", ["fp32", "int8", "fp16", "int4"])
def test_a_variant_that_is_close_passes_with_its_figures(built, bert, material, variant):
    found = judge(variant, built(variant), bert, material=material, plan=PLAN)
    assert found["fidelity"]["masks"] == material.masks >= 60
    assert found["random_texts"] == {"texts": len(material.random), "not_finite": 0}
    assert found["batch_invariant"]
    assert found["equal_length_invariant"]
    assert 0 <= found["equal_length_difference"] <= 5e-3


def test_one_that_was_refused_can_be_tried_again_under_another_plan(built, bert, material):
    graph = built("int8")
    with pytest.raises(FidelityError, match="mean KL divergence"):
        judge("int8", graph, bert, material=material, plan=dataclasses.replace(PLAN, max_kl=1e-12))
    assert judge("int8", graph, bert, material=material, plan=PLAN)["fidelity"]


def test_numbers_that_are_none_on_random_tokens_alone_are_refused(built, bert, material, monkeypatch):
    monkeypatch.setattr(trial, "count_not_finite", lambda *_: 2)
    with pytest.raises(FidelityError, match="2 masks in random tokens give NaN or infinity"):
        judge("fp32", built("fp32"), bert, material=material, plan=PLAN)


def test_a_batch_that_gives_no_numbers_is_refused(built, bert, material, monkeypatch):
    monkeypatch.setattr(trial, "batch_difference", lambda *_: float("nan"))
    with pytest.raises(FidelityError, match="variant int8 gives NaN or infinity in a padded batch"):
        judge("int8", built("int8"), bert, material=material, plan=PLAN)


def test_a_batch_of_one_length_that_gives_no_numbers_is_refused(built, bert, material, monkeypatch):
    monkeypatch.setattr(trial, "equal_length_difference", lambda *_: float("nan"))
    with pytest.raises(FidelityError, match="variant int8 gives NaN or infinity in a batch of texts of equal length"):
        judge("int8", built("int8"), bert, material=material, plan=PLAN)


@pytest.mark.parametrize(("padded", "equal"), [(0.1, 0.0), (0.0, 0.1), (0.1, 0.1), (0.0, 0.0)])
def test_padding_and_company_of_equal_length_are_told_apart(bert, material, monkeypatch, padded, equal):
    measured = {"verify_graph": EXACT, "count_not_finite": 0, "batch_difference": padded}
    for name, found in (measured | {"equal_length_difference": equal}).items():
        monkeypatch.setattr(trial, name, lambda *_, found=found: found)
    found = judge("int8", Path("not run"), bert, material=material, plan=PLAN)
    assert (found["batch_invariant"], found["equal_length_invariant"]) == (padded == 0, equal == 0)


@pytest.mark.parametrize(
    ("difference", "invariant"), [(2e-5, {"int8": False, "fp16": True}), (6e-3, {"int8": False, "fp16": False})]
)
def test_half_precision_may_round_more_in_company(bert, material, monkeypatch, difference, invariant):
    graph = Path("not run")
    for name, found in {"verify_graph": EXACT, "count_not_finite": 0, "_check_tensors": None}.items():
        monkeypatch.setattr(trial, name, lambda *_, found=found: found)
    for name in ("batch_difference", "equal_length_difference"):
        monkeypatch.setattr(trial, name, lambda *_: difference)
    found = {name: judge(name, graph, bert, material=material, plan=PLAN) for name in invariant}
    assert {name: each["batch_invariant"] for name, each in found.items()} == invariant
    assert {name: each["equal_length_invariant"] for name, each in found.items()} == invariant


def test_a_tensor_that_overflows_inside_is_refused_though_the_answers_are_numbers(built, bert, material, monkeypatch):
    monkeypatch.setattr(trial, "find_infinite", lambda *_: ["residual", "norm"])
    with pytest.raises(
        FidelityError, match="variant fp16 has 2 tensors that half precision does not hold, residual for one"
    ):
        judge("fp16", built("fp16"), bert, material=material, plan=PLAN)


def test_the_fp32_graph_that_variants_are_made_of_stays_as_it_is(bert, material, plain_of, tmp_path):
    model = ir.load(plain_of("wordpiece"))
    make_lean(model)
    feeds = texts(2, 20, 500) | {"mask_positions": np.array([[3], [4]])}
    before = run(model, feeds), operators(model), stored_bytes(model)
    for variant in ("int4", "fp16", "int8"):
        build(variant, model, material, tmp_path)
    np.testing.assert_array_equal(run(model, feeds), before[0])
    assert (operators(model), stored_bytes(model)) == before[1:]
