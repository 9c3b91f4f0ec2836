import pytest

from benchmarks.harness.worker import ContenderError
from benchmarks.suites.throughput import best_batch_size


def test_the_batch_size_is_the_fastest_by_the_better_of_its_trials():
    speeds = {4: iter([10.0, 30.0]), 8: iter([20.0, 20.0])}
    found = best_batch_size([4, 8], lambda size: next(speeds[size]))
    assert found == {"batch_size": 4, "tried": {"4": 30.0, "8": 20.0}}


def test_a_batch_size_that_fails_is_not_chosen():
    def speed(size):
        if size > 4:
            raise ContenderError("out of memory")
        return 1.0

    assert best_batch_size([4, 128], speed)["batch_size"] == 4


@pytest.mark.parametrize("sizes", [(8, 32), (4,)])
def test_where_all_fail_the_first_is_tried_again(sizes):
    def speed(size):
        raise ContenderError("out of memory")

    assert best_batch_size(sizes, speed)["batch_size"] == sizes[0]
