"""A whole run, from a model to advice."""

import pytest

from fillmask import FillMaskError, InputError
from fillmask.bench import machine, rounds, run
from fillmask.bench.run import BenchOptions, bench
from tests.support.stored import store_predictions


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Two threads on any machine, no process that measures memory, and short blocks."""
    monkeypatch.setattr(run, "available_threads", lambda: 2)
    monkeypatch.setattr(machine, "peak_memory", lambda *_: 100_000_000)
    monkeypatch.setattr(rounds, "_BLOCK_S", 0.001)


def test_the_default_variant_comes_first_and_every_block_is_counted(native_copy):
    store_predictions(native_copy)
    spent = []
    timings = bench(native_copy, BenchOptions(0.0, tokens=(8,)), spent.append).timings
    assert timings.setups.usual.variant == "int8"
    assert [setup.variant for setup in timings.setups.latency] == ["int8", "fp32"] * 2
    assert timings.memory == {"int8": 100_000_000, "fp32": 100_000_000}
    assert timings.latency.setup in timings.setups.latency
    assert timings.throughput.setup in timings.setups.throughput
    assert len(spent) == 4 * len(timings.samples)
    assert min(spent) > 0


def test_where_no_variant_predicts_rightly_nothing_is_timed(native_copy):
    store_predictions(native_copy, wrong=["fp32", "int8"])
    found = bench(native_copy, BenchOptions(0.0))
    assert found.timings is None
    assert all(each.failed for each in found.candidates)


def test_variants_that_do_not_fit_in_memory_together_are_not_loaded(native_copy, monkeypatch):
    store_predictions(native_copy)
    monkeypatch.setattr(run, "free_memory", lambda: 350_000_000)
    with pytest.raises(FillMaskError, match=r"4 pairs of variant and threads takes 0\.4 GB of memory, and 0\.3 GB"):
        bench(native_copy, BenchOptions(0.0))


@pytest.mark.parametrize("options", [{"seconds": -1.0}, {"seconds": float("nan")}, {"threads": (2, 0)}])
def test_options_below_their_least_value_are_refused(options):
    with pytest.raises(InputError, match="must be at least"):
        BenchOptions(**options)
