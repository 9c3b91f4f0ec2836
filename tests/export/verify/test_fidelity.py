import math
import warnings

import numpy as np
import pytest

from fillmask_export.errors import FidelityError
from fillmask_export.plan import Plan
from fillmask_export.probes import Probe
from fillmask_export.verify.acceptance import check_fidelity
from fillmask_export.verify.fidelity import mean_kl_of_others, measure
from fillmask_export.verify.reference import Expected


def probe(*labels):
    ids = np.arange(len(labels), dtype=np.int64)
    return Probe(ids, ids, np.array(labels, dtype=np.int64))


def predicting(*rows):
    """The logits of one text with these probabilities at its masks."""
    with np.errstate(divide="ignore"):
        return [np.log(np.array(rows, dtype=np.float64)).astype(np.float32)]


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
    found = measure([probe(0)], [np.float32([[1, 2, 4]])], [np.float32([[-99, -98, -96]])])
    assert (found.mean_kl, found.max_score_difference) == (pytest.approx(0), pytest.approx(0))


def test_shares_are_means_over_masks_and_not_over_texts():
    # Three masks in one text and one in another; the variant is right at the first and third of the four.
    probes = [probe(0, 0, 0), probe(1)]
    checkpoint = predicting([0.8, 0.2], [0.8, 0.2], [0.8, 0.2]) + predicting([0.8, 0.2])
    variant = predicting([0.8, 0.2], [0.2, 0.8], [0.8, 0.2]) + predicting([0.8, 0.2])
    found = measure(probes, checkpoint, variant)
    assert (found.masks, found.top_1_agreement) == (4, 0.75)
    assert (found.accuracy, found.checkpoint_accuracy) == (0.5, 0.75)
    assert found.mean_kl == pytest.approx(0.6 * math.log(4) / 4, abs=1e-6)


def test_agreement_of_the_first_five_counts_what_is_shared_in_any_order():
    falling = np.arange(10, 0, -1, dtype=np.float32)
    swapped = falling.copy()
    swapped[[0, 1, 4, 9]] = falling[[1, 0, 9, 4]]
    found = measure([probe(0)], [falling[None]], [swapped[None]])
    assert (found.top_1_agreement, found.top_5_agreement) == (0.0, pytest.approx(0.8))


def test_the_largest_difference_is_over_all_masks_and_tokens():
    found = measure([probe(0, 0)], predicting([0.5, 0.5], [0.5, 0.5]), predicting([0.5, 0.5], [0.1, 0.9]))
    assert found.max_score_difference == pytest.approx(0.4, abs=1e-6)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_masks_that_are_not_finite_are_counted_and_refused_in_silence(broken):
    logits = np.float32([[1, 2, 3], [1, broken, 3], [broken, broken, broken]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = measure([probe(0, 1, 2)], [np.float32([[1, 2, 3]] * 3)], [logits])
    assert found.not_finite == 2
    for variant in ("fp32", "int8"):
        with pytest.raises(FidelityError, match=f"variant {variant} is too far.*: 2 of 3 masks give NaN or infinity"):
            check_fidelity(variant, found, Plan())


def test_equal_logits_are_ordered_by_id_so_that_ties_agree():
    tied = np.zeros((1, 400), dtype=np.float32)
    assert measure([probe(0)], [tied], [tied + 1]).top_5_agreement == 1.0


def test_logits_that_cannot_be_written_to_are_compared():
    (logits,) = predicting([0.7, 0.2, 0.1])
    logits.flags.writeable = False
    assert measure([probe(0)], [logits], [logits]).top_1_agreement == 1.0


def test_the_divergence_over_the_other_tokens_leaves_the_label_out():
    """Of the others 1/2 and 1/2 beside 3/4 and 1/4, however probable the label is."""
    (found,) = predicting([0.2, 0.6, 0.2])
    expected = Expected([probe(0)], predicting([0.98, 0.01, 0.01]))
    divergence = math.log(2 / 3) / 2 + math.log(2) / 2
    assert mean_kl_of_others(lambda _: found, expected) == pytest.approx(divergence, abs=1e-6)
