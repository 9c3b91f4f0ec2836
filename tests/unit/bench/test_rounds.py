"""What is timed, in which order, and for how long."""

from fillmask import FillMask
from fillmask.bench.rounds import Timer, measure
from fillmask.bench.setups import Cell, Setup, grid, thread_counts

CELLS = [Cell(Setup("int8", count), tokens) for count in (1, 2) for tokens in (16, 64)]


def order(rounds_of=CELLS, seconds=0.0):
    asked = []
    samples = measure(lambda cell: asked.append(cell) or [float(len(asked))], rounds_of, seconds, lambda _: None)
    return asked, samples


def test_every_round_times_every_cell_once_in_an_order_of_its_own():
    asked, _ = order()
    rounds = [asked[start : start + len(CELLS)] for start in range(0, len(asked), len(CELLS))]
    assert [set(each) for each in rounds] == [set(CELLS)] * 4
    assert len({tuple(each) for each in rounds}) > 1
    assert order()[0] == asked


def test_the_first_round_does_not_count():
    _, samples = order()
    assert {len(rounds) for rounds in samples.values()} == {3}
    assert min(block[0] for rounds in samples.values() for block in rounds) > len(CELLS)


def test_more_time_gives_more_rounds():
    asked, _ = order(seconds=0.05)
    assert len(asked) > 4 * len(CELLS)


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


def test_threads_are_powers_of_two_and_what_may_be_used():
    assert [thread_counts(budget) for budget in (1, 2, 3, 8, 12)] == [
        [1], [1, 2], [1, 2, 3], [1, 2, 4, 8], [1, 2, 4, 8, 12]
    ]  # fmt: skip
    assert thread_counts(8, [6, 2, 6]) == [2, 6]


def test_a_grid_has_every_variant_with_every_count():
    made = grid(["int8", "fp32"], [1, 4], budget=4, batched=["int8"])
    assert made.latency == [Setup("int8", 1), Setup("fp32", 1), Setup("int8", 4), Setup("fp32", 4)]
    assert [(each.variant, each.workers, each.batch_size) for each in made.throughput] == [
        ("int8", 1, 1), ("fp32", 1, 1), ("int8", 2, 1), ("fp32", 2, 1), ("int8", 4, 1), ("fp32", 4, 1), ("int8", 4, 16)
    ]  # fmt: skip
    assert (made.control, made.usual) == (Setup("int8", 1), Setup("int8", 4))


def test_each_cell_is_timed_once_the_control_twice_and_long_texts_not_in_batches():
    made = grid(["int8"], [1, 2], budget=2, batched=["int8"])
    cells = made.cells([16, 512])
    assert len(cells) == len(set(cells))
    assert {cell.tokens for cell in cells if cell.setup.batch_size > 1} == {16}
    assert [cell.setup for cell in cells if cell.again] == [Setup("int8", 1)] * 2


def test_preferred_are_the_default_for_one_text_and_the_whole_machine_for_many():
    latency, throughput = grid(["int8", "fp32"], [1, 2], budget=2, batched=["int8"]).preferred(["int8"])
    assert latency == [Setup("int8", 2), Setup("int8", 1)]
    assert throughput == [Setup("int8", 1, 2, 16), Setup("int8", 1, 2), Setup("int8", 1)]
