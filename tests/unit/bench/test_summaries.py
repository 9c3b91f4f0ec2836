"""Summaries of times."""

import numpy as np
import pytest

from fillmask.bench.setups import Cell, Setup
from fillmask.bench.summaries import by_round, percentiles

ONE, ROUNDS = Setup("int8", 1), 20


def test_rounds_weigh_lengths_alike_whatever_their_times():
    samples = {Cell(ONE, tokens): [[seconds] * 5] * ROUNDS for tokens, seconds in ((16, 1.0), (512, 100.0))}
    assert by_round(samples, ONE, [16, 512]) == pytest.approx(np.full(ROUNDS, 10.0))


def test_a_p90_needs_enough_calls():
    cell = Cell(ONE, 16)
    assert percentiles({cell: [list(range(1, 64))]}, cell) == (32, None)
    assert percentiles({cell: [list(range(101))]}, cell) == (50, 90)
