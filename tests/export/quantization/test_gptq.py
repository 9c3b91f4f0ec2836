"""GPTQ as the paper writes it: one row after the other, the whole rest compensated after each."""

import numpy as np
import pytest

from fillmask_export.quantization.gptq import compensate, inverse_factor

DAMPING = 0.01


def by_the_paper(weight, rows):
    """Algorithm 1 of Frantar et al. 2022 without blocks, by the inverse Hessian and Gaussian elimination."""
    hessian = rows.T @ rows / len(rows)
    inverse = np.linalg.inv(hessian + DAMPING * np.trace(hessian) / len(hessian) * np.eye(len(hessian)))
    left, rounded = weight.copy(), np.zeros_like(weight)
    for row in range(len(weight)):
        rounded[row] = np.round(left[row])
        error = (left[row] - rounded[row]) / inverse[row, row]
        left[row + 1 :] -= inverse[row + 1 :, row, None] * error
        inverse -= np.outer(inverse[:, row], inverse[row]) / inverse[row, row]
    return rounded


def rounded_in_blocks(weight, rows, block):
    rounded = np.zeros_like(weight)

    def round_row(row, values):
        rounded[row] = np.round(values)
        return rounded[row]

    compensate(weight.copy(), inverse_factor(rows, DAMPING), round_row, block=block)
    return rounded


@pytest.fixture
def rows():
    """Activations whose channels depend on each other."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((200, 24)) @ rng.standard_normal((24, 24))


@pytest.mark.parametrize("block", [1, 5, 24, 64])
def test_blocks_give_the_weights_of_the_paper(rows, block):
    weight = 3 * np.random.default_rng(1).standard_normal((24, 10))
    np.testing.assert_array_equal(rounded_in_blocks(weight, rows, block), by_the_paper(weight, rows))


def test_products_come_closer_than_with_the_nearest_integers(rows):
    weight = 3 * np.random.default_rng(1).standard_normal((24, 10))
    errors = [
        np.square(rows @ (each - weight)).mean() for each in (rounded_in_blocks(weight, rows, 8), np.round(weight))
    ]
    assert errors[0] < 0.6 * errors[1]


def test_activations_of_zeros_leave_the_nearest_integers():
    weight = 3 * np.random.default_rng(1).standard_normal((24, 10))
    np.testing.assert_array_equal(rounded_in_blocks(weight, np.zeros((50, 24)), 8), np.round(weight))
