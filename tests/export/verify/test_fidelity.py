import math
import warnings
from dataclasses import replace

import numpy as np
import pytest

from fillmask_export.errors import FidelityError
from fillmask_export.plan import Plan
from fillmask_export.probes import Probe
from fillmask_export.verify.acceptance import check_fidelity
from fillmask_export.verify.fidelity import Fidelity, measure

EXACT = Fidelity(100, 0.0, 1.0, 1.0, 0.0, 0.5, 0.5, 0)


def probe(*labels):
    ids = np.arange(len(labels), dtype=np.int64)
    return Probe(ids, ids, np.array(labels, dtype=np.int64))


def predicting(*rows):
    """A model that gives the logits of these probabilities, for any probe."""
    with np.errstate(divide="ignore"):
        logits = np.log(np.array(rows, dtype=np.float64)).astype(np.float32)
    return lambda _: logits


def test_divergence_and_differences_are_those_computed_by_hand():
    # KL(p, q) = 1/2 ln(1/2 : 1/4) + 1/4 ln(1/4 : 1/2) + 1/4 ln(1/4 : 1/4) = 1/4 ln 2
    found = measure([probe(0)], predicting([0.5, 0.25, 0.25]), predicting([0.25, 0.5, 0.25]))
    assert found.mean_kl == pytest.approx(math.log(2) / 4, abs=1e-7)
    assert found.max_score_difference == pytest.approx(0.25, abs=1e-7)
    assert (found.masks, found.top_1_agreement, found.top_5_agreement) == (1, 0.0, 1.0)
    assert (found.accuracy, found.checkpoint_accuracy, found.not_finite) == (0.0, 1.0, 0)


def test_a_divergence_is_that_of_the_variant_from_the_checkpoint_and_not_the_other_way_round():
    # KL(p, q) = 0.9 ln(0.9 : 0.5) + 0.1 ln(0.1 : 0.5); the other way round it is 0.5 ln(0.5 : 0.9) + 0.5 ln(0.5 : 0.1)
    found = measure([probe(0)], predicting([0.9, 0.1]), predicting([0.5, 0.5]))
    assert found.mean_kl == pytest.approx(0.9 * math.log(1.8) + 0.1 * math.log(0.2), abs=1e-6)


def test_an_added_constant_changes_nothing():
    found = measure([probe(0)], lambda _: np.float32([[1, 2, 4]]), lambda _: np.float32([[-99, -98, -96]]))
    assert (found.mean_kl, found.max_score_difference) == (pytest.approx(0), pytest.approx(0))


def test_shares_are_means_over_masks_and_not_over_texts():
    # Three masks in one text and one in another; the variant is right at the first and third of the four.
    probes = [probe(0, 0, 0), probe(1)]
    checkpoint = {3: [[0.8, 0.2]] * 3, 1: [[0.8, 0.2]]}
    variant = {3: [[0.8, 0.2], [0.2, 0.8], [0.8, 0.2]], 1: [[0.8, 0.2]]}
    found = measure(
        probes,
        lambda each: predicting(*checkpoint[each.labels.size])(each),
        lambda each: predicting(*variant[each.labels.size])(each),
    )
    assert (found.masks, found.top_1_agreement) == (4, 0.75)
    assert (found.accuracy, found.checkpoint_accuracy) == (0.5, 0.75)
    assert found.mean_kl == pytest.approx(0.6 * math.log(4) / 4, abs=1e-6)


def test_agreement_of_the_first_five_counts_what_is_shared_in_any_order():
    falling = np.arange(10, 0, -1, dtype=np.float32)
    swapped = falling.copy()
    swapped[[0, 1, 4, 9]] = falling[[1, 0, 9, 4]]
    found = measure([probe(0)], lambda _: falling[None], lambda _: swapped[None])
    assert (found.top_1_agreement, found.top_5_agreement) == (0.0, pytest.approx(0.8))


def test_the_largest_difference_is_over_all_masks_and_tokens():
    found = measure([probe(0, 0)], predicting([0.5, 0.5], [0.5, 0.5]), predicting([0.5, 0.5], [0.1, 0.9]))
    assert found.max_score_difference == pytest.approx(0.4, abs=1e-6)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_masks_that_are_not_finite_are_counted_and_refused_in_silence(broken):
    logits = np.float32([[1, 2, 3], [1, broken, 3], [broken, broken, broken]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = measure([probe(0, 1, 2)], lambda _: np.float32([[1, 2, 3]] * 3), lambda _: logits)
    assert found.not_finite == 2
    for variant in ("fp32", "int8"):
        with pytest.raises(FidelityError, match=f"variant {variant} is too far.*: 2 of 3 masks give NaN or infinity"):
            check_fidelity(variant, found, Plan().limits)


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
    check_fidelity(variant, replace(EXACT, **figures), Plan().limits)


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
        check_fidelity(variant, replace(EXACT, **figures), Plan().limits)


def test_all_reasons_are_named_at_once():
    far = replace(EXACT, mean_kl=1.0, accuracy=0.0, not_finite=3)
    with pytest.raises(FidelityError, match=r"3 of 100 masks .*; the mean KL .*; masked-token accuracy falls by 0.5"):
        check_fidelity("int8", far, Plan().limits)


def test_random_tokens_that_give_no_numbers_are_refused_too():
    with pytest.raises(FidelityError, match="3 masks in random tokens give NaN or infinity"):
        check_fidelity("fp16", EXACT, Plan().limits, not_finite_on_random=3)
