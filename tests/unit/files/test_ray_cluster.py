import signal
import sys
from importlib.util import find_spec

import pytest

from fillmask.errors import InputError, JobError
from fillmask.files.ray_cluster import import_ray, map_items

NEEDS_RAY = pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray; run make test-ray")


def double():
    """A class of actors; a local one goes to Ray by value, since its workers do not find this module."""

    class Double:
        """An actor that doubles numbers, and cannot take 13."""

        def __init__(self, factor):
            self.factor = factor

        def __call__(self, batch):
            if 13 in batch["number"]:
                raise ValueError("thirteen")
            return {"made": batch["number"] * self.factor}

    return Double


def mapped(numbers, address=""):
    items = [{"number": number} for number in numbers]
    return map_items(items, double(), {"factor": 2}, address=address, actors=1, cpus=1, memory=1 << 20)


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install '.\[ray\]'"):
        import_ray()
    with pytest.raises(InputError, match="needs Ray Data, which is not installed"):
        next(mapped([1]))


@NEEDS_RAY
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_is_started_and_ended_and_handlers_of_signals_are_kept():
    ray = import_ray()
    handler = signal.getsignal(signal.SIGTERM)
    context = ray.data.DataContext.get_current()
    before = context.enable_progress_bars
    made = mapped(range(8), "local")
    first = next(made)
    assert signal.getsignal(signal.SIGTERM) is handler
    assert sorted([first["made"], *(each["made"] for each in made)]) == list(range(0, 16, 2))
    assert not ray.is_initialized()
    assert context.enable_progress_bars == before
    with pytest.raises(JobError, match=r"Ray ended the job: .*thirteen") as ended:
        list(mapped([13], "local"))
    assert "\n" not in str(ended.value)
    ray.init("local", num_cpus=1)
    try:
        assert [each["made"] for each in mapped([4])] == [8]
        assert ray.is_initialized()  # it was connected before
    finally:
        ray.shutdown()


@NEEDS_RAY
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_is_not_there_is_named(monkeypatch):
    ray = import_ray()

    def init(*_, **__):  # Ray itself tries for minutes
        raise ray.exceptions.RpcError("failed to\nconnect")

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(InputError, match=r"there is no Ray cluster at '127\.0\.0\.1:1': failed to connect"):
        next(mapped([1], "127.0.0.1:1"))
