"""Choosing among setups, on times made up so that the right choice is known."""

import numpy as np

from fillmask.bench.advice import advise, exceptions
from fillmask.bench.setups import Cell, Setup

ONE, TWO, SLOW = Setup("int8", 1), Setup("int8", 2), Setup("fp32", 1)
ROUNDS = 20


def samples(times, *, spread=0.01, seed=0):
    """Rounds in which setups take the given seconds, give or take ``spread``; ONE is also the control."""
    rng = np.random.default_rng(seed)
    cells = {Cell(setup, tokens): seconds for (setup, tokens), seconds in times.items()}
    cells |= {Cell(ONE, cell.tokens, again=True): seconds for cell, seconds in cells.items() if cell.setup == ONE}
    return {
        cell: [list(seconds * rng.lognormal(0, spread, 5)) for _ in range(ROUNDS)] for cell, seconds in cells.items()
    }


def choose(made, setups, tokens=(16,)):
    return advise(made, setups, tokens, beside=ONE, control=ONE)


def test_the_fastest_is_chosen_with_its_gain():
    advice = choose(samples({(ONE, 16): 2.0, (TWO, 16): 1.0, (SLOW, 16): 4.0}), [ONE, SLOW, TWO])
    assert (advice.setup, advice.equals, advice.significant) == (TWO, (), True)
    assert advice.gain.low < 2 < advice.gain.high
    assert advice.gain.high < 2.1


def test_of_two_without_a_measurable_difference_the_first_is_chosen_and_the_other_named():
    advice = choose(samples({(ONE, 16): 1.0, (TWO, 16): 1.0}, spread=0.02), [ONE, TWO])
    assert (advice.setup, advice.equals, advice.gain) == (ONE, (TWO,), None)


def test_a_gain_within_the_noise_of_the_control_is_not_significant():
    made = samples({(ONE, 16): 1.0, (TWO, 16): 0.9})
    made[Cell(ONE, 16, again=True)] = [[value * (1.2 if row % 2 else 0.8) for value in block]
                                       for row, block in enumerate(made[Cell(ONE, 16)])]  # fmt: skip
    advice = choose(made, [ONE, TWO])
    assert (advice.setup, advice.equals, advice.significant) == (TWO, (ONE,), False)


def test_a_machine_too_noisy_to_tell_gets_the_best_median():
    """The medians of a newcomer's table, of a machine on which one setup timed twice differed by up to 2.5 times."""
    one, two = (1.89, 5.18, 8.96, 62.0), (4.28, 10.7, 17.6, 87.0)
    lengths = (16, 64, 128, 512)
    made = samples({(setup, tokens): time for setup, times in ((TWO, two), (SLOW, one))
                    for tokens, time in zip(lengths, times, strict=True)})  # fmt: skip
    made |= {Cell(TWO, tokens, again=True): [[value * (2.5 if row % 2 else 0.4) for value in block]
             for row, block in enumerate(made[Cell(TWO, tokens)])] for tokens in lengths}  # fmt: skip
    advice = advise(made, [TWO, SLOW], lengths, beside=TWO, control=TWO)
    assert (advice.setup, advice.equals, advice.significant) == (SLOW, (TWO,), False)


def test_it_is_the_whole_of_the_lengths_that_counts_and_exceptions_are_named():
    made = samples({(ONE, 16): 1.0, (ONE, 512): 10.0, (TWO, 16): 1.5, (TWO, 512): 4.0})
    whole = choose(made, [ONE, TWO], (16, 512))
    assert whole.setup == TWO
    (other,) = exceptions(made, [ONE, TWO], whole, control=ONE)
    assert (other.setup, other.tokens, other.significant) == (ONE, (16,), True)
    assert other.gain.low > 1.4


def test_lengths_at_which_not_every_setup_was_timed_do_not_count():
    made = samples({(ONE, 16): 1.0, (ONE, 512): 1.0, (TWO, 16): 2.0})
    assert choose(made, [ONE, TWO], (16, 512)).tokens == (16,)


def test_a_setup_that_was_timed_at_no_length_is_not_chosen():
    assert choose(samples({(ONE, 512): 1.0}), [ONE, TWO], (512,)).setup == ONE
    assert choose(samples({(ONE, 512): 1.0}), [], (512,)) is None
