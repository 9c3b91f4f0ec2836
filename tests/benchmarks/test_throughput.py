from types import SimpleNamespace

import pytest

from benchmarks.device import CPU, DEVICES
from benchmarks.harness.worker import ContenderError
from benchmarks.suites import throughput
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


class Processes:
    """A process of each contender; a text takes a tenth of a second."""

    def __init__(self):
        self.calls = []

    def call(self, name, _method, *, texts, batch_size, workers):
        self.calls.append((name, texts, batch_size, workers))
        return len(texts) / 10


def test_each_process_runs_its_part_of_the_texts():
    first, second = both = Processes(), Processes()
    way = throughput._way("transformers", CPU)
    assert throughput._speed(both, "transformers", ["a", "b", "c"], way, 4) == pytest.approx(20)
    assert [*first.calls, *second.calls] == [("transformers", ["a", "c"], 4, 1), ("transformers", ["b"], 4, 1)]


def test_a_contender_that_runs_texts_at_the_same_time_has_one_process():
    first, second = both = Processes(), Processes()
    way = throughput._way("fillmask-int8", CPU)
    assert throughput._speed(both, "fillmask-int8", ["a", "b"], way, 1) == pytest.approx(10)
    assert first.calls == [("fillmask-int8", ["a", "b"], 1, 2)]
    assert not second.calls


def test_openvino_has_the_threads_of_its_streams_and_a_gpu_one_process():
    options = SimpleNamespace(contenders=["transformers", "openvino-int8", "fillmask-int8"])
    assert throughput._openvino_threads(options) == {"openvino-int8": 2}
    assert throughput._way("transformers", DEVICES["cuda"]) == {"batch_size": 1, "workers": 1, "processes": 1}
