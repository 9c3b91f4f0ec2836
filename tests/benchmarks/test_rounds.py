from collections import Counter
from typing import ClassVar

import pytest

from benchmarks.harness import rounds
from benchmarks.harness.rounds import MOST, Field, play
from benchmarks.harness.worker import WorkerError


class FakeWorker:
    """Answers with the number of its block; "broken" does not load, "tired" ends at its third."""

    asked: ClassVar[list[str]] = []

    def __init__(self, handlers):
        self.blocks = 0

    def ask(self, command, **arguments):
        if command == "load":
            self.name = arguments["name"]
            if self.name == "broken":
                raise WorkerError("no such model")
            return {"threads": arguments["threads"]}
        self.blocks += 1
        FakeWorker.asked.append(self.name)
        if self.name == "tired" and self.blocks == 3:
            raise WorkerError("the process ended with -9")
        return self.blocks

    def close(self):
        self.name = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class NoFolders:
    def as_json(self):
        return {}


@pytest.fixture
def field(monkeypatch):
    monkeypatch.setattr(rounds, "Worker", FakeWorker)
    FakeWorker.asked.clear()
    entries = {"a": ("a", 1), "b": ("b", 2), "broken": ("broken", 1), "tired": ("tired", 1)}
    with Field(NoFolders(), entries) as opened:
        yield opened


def test_what_does_not_load_takes_no_part_and_says_why(field):
    assert field.alive == ["a", "b", "tired"]
    assert field.failed == {"broken": "no such model"}
    assert field.settings["b"] == {"threads": 2}
    assert field.ask("broken", "block") is None


def test_the_first_round_does_not_count_and_what_fails_later_has_no_blocks(field):
    found = play(field, 4, 0, label="blocks", block=lambda name: field.ask(name, "block"))
    assert found == {"a": [2, 3, 4, 5], "b": [2, 3, 4, 5]}
    assert field.failed["tired"] == "the process ended with -9"


def test_the_order_of_each_round_is_drawn_and_the_same_again_for_a_seed(field):
    def orders(seed):
        FakeWorker.asked.clear()
        play(field, 40, seed, label="blocks", block=lambda name: field.ask(name, "block"))
        asked = [name for name in FakeWorker.asked if name != "tired"]
        return [tuple(asked[start : start + 2]) for start in range(0, len(asked), 2)]

    orders(0)  # the tired one ends
    first = Counter(orders(0))
    assert set(first) == {("a", "b"), ("b", "a")}
    assert min(first.values()) >= 10
    assert orders(0) == orders(0) != orders(1)


@pytest.mark.parametrize(("enough", "played"), [(4, 4), (8, 8), (10, 12), (10_000, 4 * MOST)])
def test_rounds_are_played_again_until_they_tell_enough(field, enough, played):
    found = play(
        field,
        4,
        0,
        label="b",
        block=lambda name: field.ask(name, "block"),
        settled=lambda all_: len(all_["a"]) >= enough,
    )
    assert {name: len(blocks) for name, blocks in found.items()} == {"a": played, "b": played}
