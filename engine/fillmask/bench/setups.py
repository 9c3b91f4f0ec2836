"""The setups of a model that are timed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_BATCH = 16
# Batches gain where texts are short; of longer ones they would only take more of the minute.
_MOST_BATCHED_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Setup:
    """A way of running a model.

    Attributes:
        variant: Of the model.
        threads: Threads of one run.
        workers: Runs at the same time.
        batch_size: Texts of one run.
    """

    variant: str
    threads: int
    workers: int = 1
    batch_size: int = 1

    @property
    def alone(self) -> bool:
        """Whether one text runs at a time, so that its time is a latency."""
        return self.workers == self.batch_size == 1


@dataclass(frozen=True, slots=True)
class Cell:
    """What is timed at once: a setup on texts of one length.

    Attributes:
        setup: How they run.
        tokens: Of each text.
        again: Whether it is the control, a setup that is timed a second time.
    """

    setup: Setup
    tokens: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """Setups to time.

    Attributes:
        latency: One text at a time.
        throughput: Several texts at once, one thread each.
        control: The setup that is timed twice.
        usual: How the model runs by default.
    """

    latency: Sequence[Setup]
    throughput: Sequence[Setup]
    control: Setup
    usual: Setup

    def preferred(self, variants: Sequence[str]) -> tuple[list[Setup], list[Setup]]:
        """Both lists of these variants, the preferred setup first: it wins where there is no measurable difference.

        For one text the default is preferred, then fewer threads. For many texts the setup is preferred that uses all
        of the machine, as the server does.
        """
        latency = [setup for setup in self.latency if setup.variant in variants]
        throughput = [setup for setup in self.throughput if setup.variant in variants]
        return (
            sorted(latency, key=lambda setup: setup != self.usual),
            sorted(throughput, key=lambda setup: (-setup.batch_size, -setup.workers)),
        )

    def cells(self, tokens: Sequence[int]) -> list[Cell]:
        """Everything that is timed once a round."""
        setups = dict.fromkeys([*self.latency, *self.throughput])
        wanted = [
            Cell(setup, length)
            for setup in setups
            for length in tokens
            if setup.batch_size == 1 or length <= _MOST_BATCHED_TOKENS
        ]
        return wanted + [Cell(self.control, length, again=True) for length in tokens]


def grid(variants: Sequence[str], threads: Sequence[int], *, budget: int, batched: Sequence[str]) -> Grid:
    """Lay out what to time.

    Args:
        variants: The usual one first.
        threads: Counts of threads for one text at a time.
        budget: Threads that this process may use.
        batched: The batch-invariant variants.
    """
    latency = [Setup(variant, count) for count in threads for variant in variants]
    # Half of the threads are all of the cores, where each core has two.
    workers = sorted({1, max(budget // 2, 1), budget})
    throughput = [Setup(variant, 1, count) for count in workers for variant in variants]
    throughput += [Setup(variant, 1, budget, _BATCH) for variant in batched]
    return Grid(latency, throughput, control=latency[0], usual=Setup(variants[0], budget))


def thread_counts(budget: int, wanted: Sequence[int] = ()) -> list[int]:
    """The wanted counts, or else the powers of two below what the process may use, and that count itself."""
    usual = [*(1 << power for power in range(budget.bit_length()) if 1 << power < budget), budget]
    return sorted(set(wanted)) or usual
