"""Results in order, whatever thread ends first, and no more work than is wanted."""

import threading
import time

import pytest

from fillmask_export import in_order
from fillmask_export.in_order import map_in_order


@pytest.fixture(autouse=True)
def two_workers(monkeypatch):
    monkeypatch.setattr(in_order, "WORKERS", 2)


def test_results_have_the_order_of_the_items():
    def later_ones_end_first(number):
        time.sleep((10 - number) / 1000)
        return number * number

    assert list(map_in_order(later_ones_end_first, range(10))) == [number * number for number in range(10)]


def test_nothing_gives_nothing():
    assert list(map_in_order(str, [])) == []


def test_two_items_run_at_once():
    both = threading.Barrier(2, timeout=60)
    assert sorted(map_in_order(lambda _: both.wait(), range(2))) == [0, 1]


def test_items_are_not_read_far_ahead():
    read = []

    def items():
        for number in range(100):
            read.append(number)
            yield number

    results = map_in_order(str, items())
    assert next(results) == "0"
    assert len(read) <= 2 * in_order._WAITING + 1


def test_an_error_comes_at_its_item_and_ends_the_work():
    done = []

    def fail_at_three(number):
        if number == 3:
            raise ValueError("three")
        done.append(number)
        return number

    results = map_in_order(fail_at_three, range(1000))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert len(done) < 20
    assert list(results) == []


def test_who_stops_early_leaves_no_thread():
    before = threading.active_count()
    results = map_in_order(str, range(1000))
    next(results)
    results.close()
    assert threading.active_count() == before
