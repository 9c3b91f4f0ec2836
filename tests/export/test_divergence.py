"""Distributions of logits, and how far one is from another."""

import math

import numpy as np
import pytest

from fillmask_export.divergence import kl_divergence, softmax


def test_a_distribution_is_that_of_the_logits_and_ignores_what_all_have_in_common():
    found = softmax(np.float32([[0, math.log(3)], [1e4, 1e4 - 1]]))
    np.testing.assert_allclose(found.p, [[0.25, 0.75], [1 / (1 + 1 / math.e), 1 / (1 + math.e)]], rtol=1e-6)
    np.testing.assert_allclose(found.log_p, np.log(found.p), rtol=1e-6)


def test_the_divergence_is_of_the_other_from_the_reference():
    reference, other = softmax(np.log(np.float32([[0.9, 0.1]]))), softmax(np.log(np.float32([[0.5, 0.5]])))
    expected = 0.9 * math.log(1.8) + 0.1 * math.log(0.2)
    assert kl_divergence(reference, other) == pytest.approx([expected], abs=1e-6)
    assert kl_divergence(reference, reference) == pytest.approx([0])


def test_a_logit_that_is_not_finite_gives_nan():
    rows = np.float32([[np.nan, 1], [np.inf, 1], [2, 1]])
    with np.errstate(invalid="ignore"):
        found = kl_divergence(softmax(rows), softmax(rows))
    assert np.isnan(found).tolist() == [True, True, False]
