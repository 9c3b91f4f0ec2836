"""Interleaved rounds."""

from collections import Counter

from fillmask.bench.interleaving import interleave


def rounds_of(enough, seed=0):
    calls = []
    blocks = {name: lambda name=name: calls.append(name) or len(calls) for name in "abc"}
    results = interleave(blocks, enough, seed)
    return [tuple(calls[start : start + 3]) for start in range(0, len(calls), 3)], results


def test_every_block_runs_once_a_round_and_the_first_round_does_not_count():
    rounds, results = rounds_of(lambda results: len(results["a"]) == 20)
    assert all(sorted(each) == ["a", "b", "c"] for each in rounds)
    assert {name: len(blocks) for name, blocks in results.items()} == {"a": 20, "b": 20, "c": 20}
    assert min(min(each) for each in results.values()) == 4  # three blocks of the first round come before it


def test_each_round_has_an_order_of_its_own_that_the_seed_decides():
    def orders(seed):
        return rounds_of(lambda results: len(results["a"]) == 60, seed)[0]

    assert len(Counter(orders(0))) == 6
    assert orders(0) == orders(0) != orders(1)


def test_enough_sees_the_results_after_each_round_that_counts():
    seen = []
    interleave({"a": lambda: 1}, lambda results: bool(seen.append(len(results["a"]))) or len(seen) == 3)
    assert seen == [1, 2, 3]
