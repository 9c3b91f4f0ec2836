"""What a verb is: a task, which reads from logits and knows no threads, no session and no HTTP.

A task is a generator. It yields lists of ``Read``, is sent one result for each, and returns its ``Result``. Equal reads
share a result, which a task must not change. A failed run is thrown into the task. Two drivers run any task:
``executor.py`` in the library, and the server's worker. A new verb is one module beside ``predict.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from fillmask.notices import Notice

if TYPE_CHECKING:
    from fillmask.model import Model

P = TypeVar("P")
T = TypeVar("T")

# Of one round of a task. Sixteen rows of 512 tokens are some seconds of one thread and BERT base.
ROUND_TOKENS = 8192


class Reading(Hashable, Protocol):
    """Reduces the logits of a row to what a task needs; equal readings give equal results."""

    def __call__(self, logits: NDArray[np.float32], /) -> Any:  # noqa: ANN401 -- each task has its own
        """Read ``logits float32[m, V]``, one row for each position; they may be overwritten."""


class Read(NamedTuple):
    """One row to run, and what to take from it.

    Attributes:
        input_ids: Token ids, ``int64[s]``.
        positions: Where the logits are read, ``int64[m]``.
        reading: What is taken from them.
        alone: Whether it runs, on a CPU, beside reads of its own task only, or of others that leave it every bit. Its
            result then has the same bits whatever else runs.
    """

    input_ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    reading: Reading
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Result(Generic[T]):
    """A value, and what its user should know about it."""

    value: T
    notices: tuple[Notice, ...] = ()


Task: TypeAlias = Generator[list[Read], list[Any], Result[T]]


def read_all(reads: Iterable[Read]) -> Generator[list[Read], list[Any], list[Any]]:
    """Yield reads in rounds; a task delegates to it with ``yield from``.

    A text of n tokens has n reads of up to n tokens. Rounds bound the memory of its rows. Between two rounds the server
    checks the deadline and runs shorter jobs.

    Args:
        reads: Made one at a time.

    Returns:
        One result for each read.
    """
    results: list[Any] = []
    waiting: list[Read] = []
    tokens = 0
    for read in reads:
        if waiting and tokens + read.input_ids.size > ROUND_TOKENS:
            results += yield waiting
            waiting, tokens = [], 0
        waiting.append(read)
        tokens += read.input_ids.size
    if waiting:
        results += yield waiting
    return results


@dataclass(frozen=True, slots=True)
class Verb(Generic[P, T]):
    """A task by name, for callers that serve every verb alike.

    Attributes:
        name: As on the command line and in a path.
        resolve: Checks the arguments of a call, once for all its texts: ``resolve(model, **arguments)``.
        task: Starts the task of one text: ``task(model, text, parameters)``.
    """

    name: str
    resolve: Callable[..., Result[P]]
    task: Callable[[Model, str, P], Task[T]]
