"""Fits a prior: reads the words of labels in every text, and averages their probabilities."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from functools import partial

from fillmask.calls import run_many
from fillmask.errors import InputError
from fillmask.model import Model
from fillmask.tasks import Result, Task
from fillmask.tasks.classify import Parameters, read_words
from fillmask.tasks.prior import CONTENT_FREE, Prior, identity, mean_of


def fit_prior(
    model: Model, texts: Iterable[str] | None, parameters: Parameters, batch_size: int | None, workers: int
) -> Prior:
    """Average the probabilities of words over texts.

    Args:
        model: The model.
        texts: The texts, None for texts without content.
        parameters: Of ``classify``, without a prior.
        batch_size: Texts that run together.
        workers: Runs at the same time.

    Raises:
        InputError: There is no text, or the model does not take one.
    """
    tasks: Iterable[Task[list[dict[str, float]]]] = map(
        partial(_reading, model, parameters), CONTENT_FREE if texts is None else texts
    )
    readings: list[list[dict[str, float]]] = []
    outcomes = run_many(model, tasks, batch_size, workers, alone=True)
    with closing(outcomes):  # also while an error holds this frame
        for index, outcome in enumerate(outcomes):
            if isinstance(outcome, InputError):
                raise InputError(f"texts[{index}]: {outcome}") from outcome
            readings.append(outcome)
    if not readings:
        raise InputError("a prior needs at least one text, got none")
    templates = tuple(template.text for template in parameters.templates)
    ranked = parameters.rank
    return Prior(mean_of(readings), templates, ranked.method, ranked.normalize, len(readings), identity(model))


def _reading(model: Model, parameters: Parameters, text: str) -> Task[list[dict[str, float]]]:
    return Result((yield from read_words(model, text, parameters)))
