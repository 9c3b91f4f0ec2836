"""The shapes of batches. They are few: oneDNN makes kernels for each, which takes time and memory."""

from __future__ import annotations

from dataclasses import dataclass

_LEAST = 8  # tokens between two lengths
_PER_DOUBLING = 4  # lengths from 64 to 128, from 128 to 256, …
_HEAD_ROWS = 16  # The head's rows are a multiple of this: a tile of AMX has as many.


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes that batches may have.

    Attributes:
        limit: Tokens of a batch, padding and special tokens included. A longer sequence is a batch of its own.
        longest: Tokens of the longest sequence, special tokens included.
    """

    limit: int
    longest: int

    def of(self, length: int) -> tuple[int, int]:
        """The shape of a batch.

        Args:
            length: Tokens of its longest sequence, special tokens included.

        Returns:
            Rows and columns.
        """
        power = 1 << (length - 1).bit_length() >> 1  # the largest power of 2 below it
        step = max(_LEAST, power // _PER_DOUBLING)
        columns = min(-(-length // step) * step, self.longest)
        return max(1, self.limit // columns), columns

    def all(self) -> set[tuple[int, int]]:
        """Every shape: at most 20 where the longest sequence has 512 tokens."""
        return {self.of(length) for length in range(1, self.longest + 1)}


def head_rows(selected: int, expected: float) -> int:
    """Rows that the head runs for, padding included: a multiple of about an eighth of what a batch usually has.

    Args:
        selected: Selected tokens of the batch.
        expected: Selected tokens that a full batch has on average.
    """
    step = _HEAD_ROWS * max(1, round(expected / (8 * _HEAD_ROWS)))
    return -(-selected // step) * step
