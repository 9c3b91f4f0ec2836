"""What a verb is: a task, which reads from logits and knows no threads, no session and no HTTP.

A task is a generator. It yields lists of ``Read``, is sent one result for each, and returns its ``Result``. Equal reads
share a result, which a task must not change. A failed run is thrown into the task. Two drivers run any task:
``executor.py`` in the library, and the server's worker. A new verb is one module beside ``predict.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from fillmask.notices import Notice

if TYPE_CHECKING:
    from fillmask.model import Model

P = TypeVar("P")
T = TypeVar("T")


class Reading(Hashable, Protocol):
    """Reduces the logits of a row to what a task needs; equal readings give equal results."""

    def __call__(self, logits: NDArray[np.float32], /) -> Any:  # noqa: ANN401 -- each task has its own
        """Read ``logits float32[m, V]``, one row for each position; they may be overwritten."""


@dataclass(frozen=True, slots=True)
class Read:
    """One row to run, and what to take from it.

    Attributes:
        input_ids: Token ids, ``int64[s]``.
        positions: Where the logits are read, ``int64[m]``.
        reading: What is taken from them.
    """

    input_ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    reading: Reading


@dataclass(frozen=True, slots=True)
class Result(Generic[T]):
    """A value, and what its user should know about it."""

    value: T
    notices: tuple[Notice, ...] = ()


Task: TypeAlias = Generator[list[Read], list[Any], Result[T]]


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
