"""What is timed, in which order, and for how long."""

from fillmask import FillMask
from fillmask.bench.rounds import Timer, measure
from fillmask.bench.setups import Cell, Setup

CELLS = [Cell(Setup("int8", count), tokens) for count in (1, 2) for tokens in (16, 64)]


def order(rounds_of=CELLS, seconds=0.0):
    timed = []
    samples = measure(lambda cell: timed.append(cell) or [float(len(timed))], rounds_of, seconds, lambda _: None)
    return timed, samples


def test_every_round_times_every_cell_once_in_an_order_of_its_own():
    timed, _ = order()
    rounds = [timed[start : start + len(CELLS)] for start in range(0, len(timed), len(CELLS))]
    assert [set(each) for each in rounds] == [set(CELLS)] * 4
    assert len({tuple(each) for each in rounds}) > 1
    assert order()[0] == timed


def test_the_first_round_does_not_count():
    _, samples = order()
    assert {len(rounds) for rounds in samples.values()} == {3}
    assert min(block[0] for rounds in samples.values() for block in rounds) > len(CELLS)


def test_more_time_gives_more_rounds():
    timed, _ = order(seconds=0.05)
    assert len(timed) > 4 * len(CELLS)


def test_a_cell_of_one_text_at_a_time_gives_a_time_for_each_call(native_folder):
    engine = FillMask(native_folder, variant="int8", threads=1)
    timer = Timer({("int8", 1): engine}, {16: ["the [MASK] sat."]}, 2)
    calls = timer.block(Cell(Setup("int8", 1), 16))
    assert len(calls) > 1
    assert all(0 < seconds < 1 for seconds in calls)


def test_texts_that_run_together_give_the_time_of_one_on_average(native_folder):
    engine = FillMask(native_folder, variant="fp32", threads=1)
    engine.artifact.manifest["variants"]["fp32"]["batch_invariant"] = True
    timer = Timer({("fp32", 1): engine}, {16: ["the [MASK] sat."]}, 2)
    for setup in (Setup("fp32", 1, 2), Setup("fp32", 1, 2, 16)):
        for _ in range(2):
            (seconds,) = timer.block(Cell(setup, 16))
            assert 0 < seconds < 0.1
