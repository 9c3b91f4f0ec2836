"""Reads of several tasks: what runs together, and what a failed run does."""

import numpy as np
import pytest

from fillmask.errors import FillMaskError
from fillmask.executor import run_batch
from fillmask.shared_runs import plan_reads, run_isolated
from fillmask.tasks import Read
from tests.support.tasks import WORDS, Best, Refusing


@pytest.fixture
def model(fill_mask):
    return fill_mask.model


def test_a_device_limits_what_runs_together(model, monkeypatch):
    reads = [Read(np.zeros(500, dtype=np.int64), np.arange(1), Best())] * 40
    assert [len(batch) for batch in plan_reads(model, reads, 64)] == [8] * 5
    monkeypatch.setattr(model.session, "on_gpu", True)
    assert [len(batch) for batch in plan_reads(model, reads, 64)] == [40]


def test_a_run_that_fails_is_repeated_row_by_row(model, runs):
    reads = [
        Read(row.input_ids, row.positions, Best()) for word in WORDS[:4] for row in model.encode(f"[MASK] {word}").rows
    ]
    expected = run_batch(model.logits, reads)
    bad = reads[2]._replace(reading=Refusing(expected[2][0], FillMaskError))
    runs.clear()
    found = run_isolated(model.logits, [*reads[:2], bad, reads[3]])
    assert runs == [4, 1, 1, 1, 1]
    assert [found[0], found[1], found[3]] == [expected[0], expected[1], expected[3]]
    assert isinstance(found[2], FillMaskError)
