"""The setups that are timed."""

from fillmask.bench.setups import Setup, grid, thread_counts


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
