import pytest

from benchmarks.harness.rounds import MOST
from benchmarks.harness.suite import Found
from benchmarks.measures.comparing import compare
from benchmarks.measures.turns import take_turns

CASE = {"tokens": 32}


def test_every_block_runs_once_a_round_and_the_first_round_does_not_count():
    asked = []
    blocks = {name: lambda name=name: asked.append(name) or len(asked) for name in "abc"}
    given = take_turns(blocks, 20, "test")
    rounds = [asked[start : start + 3] for start in range(0, len(asked), 3)]
    assert all(sorted(each) == ["a", "b", "c"] for each in rounds)
    assert len({tuple(each) for each in rounds}) > 3
    assert all(len(each) == 20 for each in given.values())
    assert min(min(each) for each in given.values()) == 4  # three blocks before it are of the first round


def test_a_ratio_of_times_is_ours_over_theirs_beside_its_control():
    found = Found()
    values = {"ours": [1.1, 2.2, 1.1], "again": [1.1, 2.2, 1.1], "floor": [1.0, 2.0, 1.0]}
    compare(found, CASE, values, pairs=[("ours", "floor")], again=("ours", "again"))
    (made,) = found.comparisons
    assert made.ratio == pytest.approx(1.1)
    assert (made.aa_low, made.aa_high) == (1.0, 1.0)
    assert made.claim == "slower"
    assert found.controls["tokens 32"].value == 1
    assert found.rounds["tokens 32"] == pytest.approx([1.1, 1.1, 1.1])


def test_a_ratio_inside_what_the_control_shows_claims_nothing():
    found = Found()
    values = {"ours": [1.1, 1.1], "again": [0.9, 0.9], "floor": [1.0, 1.0]}
    compare(found, CASE, values, pairs=[("ours", "floor")], again=("ours", "again"))
    assert found.comparisons[0].claim == "none"


def test_what_is_counted_has_no_control_that_could_invalidate_it():
    found = Found()
    compare(found, {}, {"ours": [2.0], "theirs": [8.0]}, pairs=[("ours", "theirs")], again=None)
    assert found.comparisons[0].ratio == 0.25
    assert not found.controls


def test_who_has_failed_is_compared_with_nobody():
    found = Found()
    values = {"ours": [1.0], "again": [1.0], "floor": []}
    compare(found, CASE, values, pairs=[("ours", "floor"), ("ours", "nobody")], again=("ours", "again"))
    compare(found, CASE, values | {"again": []}, pairs=[("ours", "again")], again=("ours", "again"))
    assert not found.comparisons


@pytest.mark.parametrize(("enough", "taken"), [(3, 3), (7, 9), (10_000, 3 * MOST)])
def test_turns_are_taken_again_until_they_tell_enough(enough, taken):
    given = take_turns({"a": lambda: 1, "b": lambda: 2}, 3, "test", lambda all_: len(all_["b"]) >= enough)
    assert given == {"a": [1] * taken, "b": [2] * taken}
