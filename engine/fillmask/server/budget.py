"""A budget of bytes that all connections or all requests share."""

from __future__ import annotations


class Budget:
    """Counts bytes that are held, up to a limit.

    Args:
        limit: Bytes.

    Attributes:
        held: Bytes that are held now.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.held = 0

    def take(self, size: int) -> bool:
        """Hold more bytes. Returns False, and holds none of them, if they would exceed the limit."""
        if size > 0 and self.held + size > self._limit:
            return False
        self.held += size
        return True

    def give(self, size: int) -> None:
        """Hold fewer bytes."""
        self.held -= size


class Hold:
    """What one request holds of a budget, until it is released.

    Args:
        budget: The budget.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._held = 0

    def take(self, size: int) -> bool:
        """Hold more bytes. Returns False if the budget does not allow it."""
        allowed = self._budget.take(size)
        self._held += size if allowed else 0
        return allowed

    def release(self) -> None:
        """Give back everything."""
        self._budget.give(self._held)
        self._held = 0
