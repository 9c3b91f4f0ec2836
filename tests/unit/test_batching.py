"""Rows that run together: planned by length and positions, without duplicates."""

import itertools

import numpy as np
import pytest

from fillmask.batching import ANY_LENGTH, CPU_LIMITS, GPU_LIMITS, BatchLimits, distinct, plan
from fillmask.concurrency import GPU_BATCH_SIZE
from fillmask.model import Row
from fillmask.tasks import Read
from fillmask.tasks.predict import TopK


def row(length, masks=1):
    return Row(np.zeros(length, dtype=np.int64), np.arange(masks), masks == 1)


FIVE = TopK(5, None)


def read(ids, positions=(1,), reading=FIVE):
    return Read(np.array(ids, dtype=np.int64), np.array(positions, dtype=np.int64), reading)


def random_rows(count):
    rng = np.random.default_rng(0)
    shapes = zip(rng.integers(4, 512, count), rng.integers(1, 4, count), strict=True)
    return [row(int(length), int(masks)) for length, masks in shapes]


# Which rows run together


def test_a_batch_has_a_limited_number_of_rows_of_logits():
    assert [len(batch) for batch in plan([row(100, 30)] * 5, 16)] == [2, 2, 1]
    assert [len(batch) for batch in plan([row(100, 65)] * 2, 16)] == [1, 1]


def test_rows_run_beside_those_of_similar_length():
    rows = [row(length) for length in (9, 3, 9, 3, 5, 5)]
    assert plan(rows, 2) == [[1, 3], [4, 5], [0, 2]]


def test_rows_run_beside_those_of_equally_many_masks():
    rows = [row(9, 1), row(9, 2), row(3, 1), row(3, 2)]
    assert plan(rows, 8) == [[2, 0], [3, 1]]


def test_a_batch_holds_a_limited_number_of_tokens():
    assert [len(batch) for batch in plan([row(512)] * 20, 1024)] == [8, 8, 4]
    assert [len(batch) for batch in plan([row(8192)] * 3, 1024)] == [1, 1, 1]


def test_the_limit_of_tokens_counts_the_longest_row_of_a_batch():
    assert plan([row(100)] * 3 + [row(1000)] * 2, 1024) == [[0, 1, 2, 3], [4]]
    batches = plan([row(100)] * 30 + [row(1000)] * 5, 1024)
    assert [len(batch) for batch in batches] == [30, 4, 1]
    for batch in batches:
        assert len(batch) * max(1000 if index >= 30 else 100 for index in batch) <= 4096


def test_limits_are_those_of_the_device():
    rows = [row(500)] * 40
    assert [len(batch) for batch in plan(rows, GPU_BATCH_SIZE)] == [8] * 5
    assert [len(batch) for batch in plan(rows, GPU_BATCH_SIZE, GPU_LIMITS)] == [40]
    assert BatchLimits() == CPU_LIMITS == (4096, 64)
    assert GPU_LIMITS == (32_768, 256)


@pytest.mark.parametrize("padded_below", [0, 200, ANY_LENGTH])
def test_every_row_is_in_one_batch(padded_below):
    batches = plan(random_rows(300), 16, padded_below=padded_below)
    assert sorted(itertools.chain(*batches)) == list(range(300))
    assert max(map(len, batches)) <= 16


def test_without_padding_only_rows_of_equal_length_and_equally_many_masks_run_together():
    rows = [row(length, masks) for length, masks in [(9, 1), (9, 2), (3, 1), (9, 1), (3, 1), (9, 2), (4, 1)]]
    assert plan(rows, 8, padded_below=0) == [[2, 4], [6], [0, 3], [1, 5]]
    rows = random_rows(2000)
    batches = plan(rows, 16, padded_below=0)
    assert all(
        len({(rows[index].input_ids.size, rows[index].positions.size) for index in each}) == 1 for each in batches
    )
    assert max(map(len, batches)) > 1


def test_rows_below_a_length_are_padded_and_others_run_beside_their_equals():
    rows = [row(length) for length in (383, 384, 400, 384, 9, 400, 382)]
    assert plan(rows, 8, padded_below=384) == [[4, 6, 0], [1, 3], [2, 5]]
    rows = random_rows(2000)
    for batch in plan(rows, 16, padded_below=200):
        lengths = {rows[index].input_ids.size for index in batch}
        assert len(lengths) == 1 or max(lengths) < 200


def test_without_padding_the_other_limits_hold_too():
    assert [len(batch) for batch in plan([row(512)] * 20, 1024, padded_below=0)] == [8, 8, 4]
    assert [len(batch) for batch in plan([row(9)] * 5, 2, padded_below=0)] == [2, 2, 1]


def test_no_rows_are_no_batches():
    assert plan([], 8) == []


# Reads that give the same


def test_equal_reads_are_kept_once_and_in_order():
    reads = [read([2, 4, 3]), read([2, 4, 5, 3]), read([2, 4, 3]), read([2, 4, 3])]
    kept, indices = distinct(reads)
    assert kept == [reads[0], reads[1]]
    assert indices == [0, 1, 0, 0]


@pytest.mark.parametrize(
    "other",
    [
        read([2, 4, 4]),
        read([2, 4, 3, 3]),
        read([2, 4, 3], (2,)),
        read([2, 4, 3], (1, 1)),
        read([2, 4, 3], reading=TopK(6, None)),
        read([2, 4, 3], reading=TopK(5, b"")),
    ],
    ids=["another token", "longer", "another position", "more positions", "another reading", "with targets"],
)
def test_reads_that_differ_in_anything_are_both_kept(other):
    reads = [read([2, 4, 3]), other]
    kept, indices = distinct(reads)
    assert [id(each) for each in kept] == [id(each) for each in reads]
    assert indices == [0, 1]


def test_no_reads_are_none_after_it():
    assert distinct([]) == ([], [])
