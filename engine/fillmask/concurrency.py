"""How many rows run together, and how many runs at the same time."""

from __future__ import annotations

from dataclasses import dataclass

from fillmask.batching import MAX_ROWS
from fillmask.errors import InputError
from fillmask.model import Model

GPU_BATCH_SIZE = 64


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many rows run together, checked.

    Attributes:
        batch_size: Rows of one run.
        workers: Runs at the same time.
    """

    batch_size: int = 1
    workers: int = 1

    def __post_init__(self) -> None:
        for name, value in (("batch_size", self.batch_size), ("workers", self.workers)):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_ROWS:
                raise InputError(f"{name} must be a whole number from 1 to {MAX_ROWS}, got {value!r}")


def choose_concurrency(
    model: Model, batch_size: int | None = None, workers: int = 1, *, alone: bool = False
) -> Concurrency:
    """Check how many rows run together.

    Args:
        model: The model.
        batch_size: Rows of one run; None is 1, and on a GPU ``GPU_BATCH_SIZE`` where the model is batch-invariant as
            measured on a CPU.
        workers: Runs at the same time.
        alone: Whether all reads are ``alone``, which on a CPU run the same whatever the number is.

    Raises:
        InputError: A number is out of its range; or rows that run together change each other's scores, by the manifest
            or by the trial of a folder without one. They do in a quantized graph whose scales come from all rows.
    """
    if batch_size is None:
        batch_size = GPU_BATCH_SIZE if model.session.on_gpu and model.batch_invariant else 1
    concurrency = Concurrency(batch_size, workers)
    if batch_size > 1 and not (alone and not model.session.on_gpu) and not model.equal_length_invariant:
        raise InputError(
            f"texts of equal length that run together change each other's scores with variant {model.variant} of "
            f"{model.artifact.source}; take a batch_size of 1"
        )
    return concurrency
