"""Connections without a complete request. At the limit of connections the one that waits longest is closed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Generic, TypeVar

C = TypeVar("C")


class Idle(Generic[C]):
    """Connections that wait for a request or for the rest of one, in the order in which they began to.

    Those that had a request admitted come last: a client without a key cannot close the connections of one with a key
    while it has connections of its own.
    """

    def __init__(self) -> None:
        self._unknown: dict[C, None] = {}
        self._known: dict[C, None] = {}

    def add(self, connection: C, *, known: bool) -> None:
        """Put a connection last.

        Args:
            connection: The connection.
            known: Whether a request of it was admitted, to another path than those that need no key.
        """
        self.discard(connection)
        (self._known if known else self._unknown)[connection] = None

    def discard(self, connection: C) -> None:
        """Remove a connection, if it is here: its request is complete, or it is closed."""
        self._unknown.pop(connection, None)
        self._known.pop(connection, None)

    def take(self, busy: Callable[[C], bool]) -> C | None:
        """Remove and return the connection that has waited longest; None without one.

        Args:
            busy: Whether a connection is kept: its last response is still being sent.
        """
        first = next((each for each in chain(self._unknown, self._known) if not busy(each)), None)
        if first is not None:
            self.discard(first)
        return first
