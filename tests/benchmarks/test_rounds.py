from functools import partial

import pytest

from benchmarks.harness.rounds import MOST, Rounds, run_rounds
from benchmarks.harness.worker import ContenderError


class Blocks:
    """Blocks that return how often they ran; "tired" fails at its third run."""

    def __init__(self, *names):
        self.runs = []
        self.blocks = {name: partial(self.run, name) for name in names}

    def run(self, name):
        self.runs.append(name)
        if name == "tired" and self.runs.count(name) == 3:
            raise ContenderError("the process ended with -9")
        return self.runs.count(name)


def test_the_first_round_does_not_count_and_a_block_that_fails_does_not_run_again():
    made = Blocks("a", "b", "tired")
    rounds = run_rounds(made.blocks, 4, "test")
    assert rounds.samples == {"a": [2, 3, 4, 5], "b": [2, 3, 4, 5]}
    assert rounds.failed == {"tired": "the process ended with -9"}
    assert made.runs.count("tired") == 3


def test_without_blocks_there_are_no_rounds():
    assert run_rounds({}, 4, "test") == Rounds({}, {})


@pytest.mark.parametrize(("enough", "played"), [(4, 4), (8, 8), (10, 12), (10_000, 4 * MOST)])
def test_rounds_are_repeated_until_the_control_is_narrow(enough, played):
    runs = []

    def noisy():
        runs.append(1)
        return 1.0 if len(runs) > enough - 3 else len(runs) % 2 + 0.5

    def value(result):  # a control as wide as the noise, until there are rounds enough
        return result if len(runs) <= enough else 1.0

    rounds = run_rounds({"a": noisy, "again": lambda: 1.0}, 4, "test", controls=[("a", "again")], value=value)
    assert {name: len(found) for name, found in rounds.samples.items()} == {"a": played, "again": played}


def test_a_control_that_failed_does_not_keep_the_rounds_going():
    made = Blocks("a", "tired")
    rounds = run_rounds(made.blocks, 4, "test", controls=[("a", "tired")])
    assert len(rounds.samples["a"]) == 4


def test_samples_become_numbers():
    assert Rounds({"a": [[1.0, 3.0], [5.0]]}, {"b": "it ended"}).map(max) == Rounds(
        {"a": [3.0, 5.0]}, {"b": "it ended"}
    )
