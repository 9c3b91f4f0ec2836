import dataclasses
import math
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from fillmask_export import FidelityError, Plan, variants
from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.passes import make_lean
from fillmask_export.variants import write_graph
from fillmask_export.verify import acceptance
from fillmask_export.verify.acceptance import accept, check_fidelity
from fillmask_export.verify.eval_data import load_eval_data
from fillmask_export.verify.fidelity import Fidelity
from fillmask_export.verify.reference import run_checkpoint
from tests.support.graphs import operators, run, stored_bytes, texts

EXACT = Fidelity(100, 0.0, 1.0, 1.0, 0.0, 0.5, 0.5, 0)
PLAN = Plan(masks=60, max_kl=1.0, max_accuracy_loss=1.0)


@pytest.fixture(scope="module")
def bert(checkpoint_of):
    return open_checkpoint(checkpoint_of("wordpiece"))


@pytest.fixture(scope="module")
def eval_data(bert):
    return load_eval_data(bert.tokenizer, PLAN, 64)


@pytest.fixture(scope="module")
def reference(bert, eval_data, tmp_path_factory):
    return run_checkpoint(bert, eval_data, tmp_path_factory.mktemp("logits"))


@pytest.fixture
def without_runs(monkeypatch):
    """Replaces all measures of ``accept`` by figures; no graph is opened."""

    def replace(**figures):
        measures = {"measure_forward": EXACT, "count_not_finite": 0, "mean_kl_of_others": 0.0, "_check_tensors": None}
        for name, found in (measures | {"Session": None} | figures).items():
            monkeypatch.setattr(acceptance, name, lambda *_, found=found, **__: found)

    return replace


@pytest.fixture
def built(bert, eval_data, plain_of, tmp_path):
    """Builds a variant of the checkpoint and gives the path of its graph."""

    def make(variant):
        model = ir.load(plain_of("wordpiece"))
        make_lean(model)
        return tmp_path / write_graph(variant, model, eval_data, tmp_path)["file"]

    return make


@pytest.mark.parametrize("variant", ["fp32", "int8", "fp16", "int4"])
def test_a_variant_that_is_close_passes_with_its_figures(built, reference, eval_data, variant):
    found = accept(variant, built(variant), reference, eval_data=eval_data, plan=PLAN)
    assert found["fidelity"]["masks"] == eval_data.masks >= 60
    assert found["random_texts"] == {"texts": len(eval_data.random), "not_finite": 0}
    assert found["batch_invariant"]
    assert found["equal_length_invariant"]
    assert found["unmasked_verified"] is True
    assert found["unmasked_texts"]["texts"] == len(eval_data.held_out.probes)
    assert (variant == "fp32") == (found["unmasked_texts"]["mean_kl_of_others"] < 1e-9)
    assert 0 <= found["equal_length_difference"] <= 5e-3


def test_one_that_was_refused_can_be_tried_again_under_another_plan(built, reference, eval_data):
    graph = built("int8")
    with pytest.raises(FidelityError, match="mean KL divergence"):
        accept("int8", graph, reference, eval_data=eval_data, plan=dataclasses.replace(PLAN, max_kl=1e-12))
    assert accept("int8", graph, reference, eval_data=eval_data, plan=PLAN)["fidelity"]


@pytest.mark.parametrize("of_others", [False, True])
def test_a_variant_that_is_close_at_masks_alone_is_accepted_and_does_not_read_other_tokens(
    reference, eval_data, monkeypatch, built, of_others
):
    far = 2 * PLAN.max_kl

    def measure(_forward, expected, _what):
        of_masks = expected is not reference.unmasked
        return EXACT if of_masks or of_others else dataclasses.replace(EXACT, mean_kl=far)

    monkeypatch.setattr(acceptance, "measure_forward", measure)
    monkeypatch.setattr(acceptance, "mean_kl_of_others", lambda *_: far if of_others else 0.0)
    found = accept("int8", built("int8"), reference, eval_data=eval_data, plan=PLAN)
    assert found["unmasked_verified"] is False
    assert found["unmasked_texts"]["mean_kl_of_others" if of_others else "mean_kl"] == far


def test_numbers_that_are_none_on_random_tokens_alone_are_refused(built, reference, eval_data, monkeypatch):
    monkeypatch.setattr(acceptance, "count_not_finite", lambda *_: 2)
    with pytest.raises(FidelityError, match="2 masks in random tokens give NaN or infinity"):
        accept("fp32", built("fp32"), reference, eval_data=eval_data, plan=PLAN)


def test_a_batch_that_gives_no_numbers_is_refused(built, reference, eval_data, monkeypatch):
    monkeypatch.setattr(acceptance, "batch_difference", lambda *_: float("nan"))
    with pytest.raises(FidelityError, match="variant int8 gives NaN or infinity in a padded batch"):
        accept("int8", built("int8"), reference, eval_data=eval_data, plan=PLAN)


def test_a_batch_of_one_length_that_gives_no_numbers_is_refused(built, reference, eval_data, monkeypatch):
    monkeypatch.setattr(acceptance, "equal_length_difference", lambda *_: float("nan"))
    with pytest.raises(FidelityError, match="variant int8 gives NaN or infinity in a batch of texts of equal length"):
        accept("int8", built("int8"), reference, eval_data=eval_data, plan=PLAN)


@pytest.mark.parametrize(("padded", "equal"), [(0.1, 0.0), (0.0, 0.1), (0.1, 0.1), (0.0, 0.0)])
def test_padded_batches_and_batches_of_equal_length_are_measured_apart(
    reference, eval_data, without_runs, padded, equal
):
    without_runs(batch_difference=padded, equal_length_difference=equal)
    found = accept("int8", Path("not run"), reference, eval_data=eval_data, plan=PLAN)
    assert (found["batch_invariant"], found["equal_length_invariant"]) == (padded == 0, equal == 0)


@pytest.mark.parametrize(
    ("difference", "invariant"), [(2e-5, {"int8": False, "fp16": True}), (6e-3, {"int8": False, "fp16": False})]
)
def test_half_precision_may_round_more_in_batches(reference, eval_data, without_runs, difference, invariant):
    without_runs(batch_difference=difference, equal_length_difference=difference)
    graph = Path("not run")
    found = {name: accept(name, graph, reference, eval_data=eval_data, plan=PLAN) for name in invariant}
    assert {name: each["batch_invariant"] for name, each in found.items()} == invariant
    assert {name: each["equal_length_invariant"] for name, each in found.items()} == invariant


def test_a_tensor_that_overflows_inside_is_refused_though_the_logits_are_finite(
    built, reference, eval_data, monkeypatch
):
    monkeypatch.setattr(acceptance, "find_infinite", lambda *_: ["residual", "norm"])
    with pytest.raises(
        FidelityError, match="variant fp16 has 2 tensors that half precision does not hold, residual for one"
    ):
        accept("fp16", built("fp16"), reference, eval_data=eval_data, plan=PLAN)


def test_every_tensor_of_fp16_is_checked_on_long_texts_too(built, reference, eval_data, monkeypatch):
    checked = []
    monkeypatch.setattr(acceptance, "find_infinite", lambda _, probes: checked.extend(probes) or [])
    accept("fp16", built("fp16"), reference, eval_data=eval_data, plan=PLAN)
    assert all(any(probe is each for each in checked) for probe in eval_data.long)


def test_the_ranges_of_fp16_are_of_long_texts_too(built, eval_data, monkeypatch):
    ranged = []
    monkeypatch.setattr(variants, "to_fp16", lambda _, probes: ranged.extend(probes) or "")
    built("fp16")
    assert all(any(probe is each for each in ranged) for probe in eval_data.calibration.probes[-4:])


def test_the_fp32_graph_that_variants_are_made_of_stays_as_it_is(bert, eval_data, plain_of, tmp_path):
    model = ir.load(plain_of("wordpiece"))
    make_lean(model)
    feeds = texts(2, 20, 500) | {"mask_positions": np.array([[3], [4]])}
    before = run(model, feeds), operators(model), stored_bytes(model)
    for variant in ("int4", "fp16", "int8"):
        write_graph(variant, model, eval_data, tmp_path)
    np.testing.assert_array_equal(run(model, feeds), before[0])
    assert (operators(model), stored_bytes(model)) == before[1:]


@pytest.mark.parametrize(
    ("variant", "figures"),
    [
        ("fp32", {}),
        ("fp32", {"max_score_difference": 1e-5}),
        ("int8", {"max_score_difference": 0.9, "mean_kl": 0.01, "accuracy": 0.4951}),
        ("int8", {"accuracy": 0.9}),
    ],
)
def test_a_variant_at_the_edge_of_its_limits_passes(variant, figures):
    check_fidelity(variant, dataclasses.replace(EXACT, **figures), Plan())


@pytest.mark.parametrize(
    ("variant", "figures", "reason"),
    [
        ("fp32", {"max_score_difference": 1.1e-5}, "a score differs by 1.1e-05, allowed is 1e-05"),
        ("int8", {"mean_kl": 0.011}, "the mean KL divergence is 0.011, allowed is 0.01"),
        ("int8", {"accuracy": 0.494}, "masked-token accuracy falls by 0.006, allowed is 0.005"),
        ("fp32", {"max_score_difference": math.nan}, "a score differs by nan"),
        ("int8", {"mean_kl": math.nan}, "the mean KL divergence is nan"),
    ],
)
def test_a_variant_beyond_a_limit_is_refused_with_the_figure_and_the_limit(variant, figures, reason):
    with pytest.raises(FidelityError, match=reason):
        check_fidelity(variant, dataclasses.replace(EXACT, **figures), Plan())


def test_all_reasons_are_named_at_once():
    far = dataclasses.replace(EXACT, mean_kl=1.0, accuracy=0.0, not_finite=3)
    with pytest.raises(FidelityError, match=r"3 of 100 masks .*; the mean KL .*; masked-token accuracy falls by 0.5"):
        check_fidelity("int8", far, Plan())


def test_random_tokens_that_give_no_numbers_are_refused_too():
    with pytest.raises(FidelityError, match="3 masks in random tokens give NaN or infinity"):
        check_fidelity("fp16", EXACT, Plan(), not_finite_on_random=3)


@pytest.mark.parametrize(
    ("got", "allowed", "message"),
    [
        (1.04e-5, 1e-5, "differs by 1.04e-05, allowed is 1e-05"),
        (0.5, 1e-5, "differs by 0.5, allowed is 1e-05"),
        (1.0000001e-5, 1e-5, "differs by 1.0000001e-05, allowed is 1e-05"),
    ],
)
def test_a_difference_has_digits_enough_to_be_told_from_the_limit(got, allowed, message):
    assert acceptance._beyond("differs by", got, allowed) == message
