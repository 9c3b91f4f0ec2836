"""Predictions in the shapes of transformers' fill-mask pipeline."""

from __future__ import annotations

from typing import Any, TypedDict

from fillmask.tasks.predict import Prediction, Predictions


class PredictionDict(TypedDict):
    """A prediction as transformers gives it; the fields are those of ``Prediction``."""

    score: float
    token: int
    token_str: str
    sequence: str


def as_transformers(predictions: Predictions) -> list[Any]:
    """Predictions in the shape that transformers gives a text: dicts, and no outer list where there is one mask."""
    masks = [[_as_dict(prediction) for prediction in mask] for mask in predictions]
    return masks[0] if len(masks) == 1 else masks


def _as_dict(prediction: Prediction) -> PredictionDict:
    # dataclasses.asdict copies deeply, and takes twenty times as long.
    return {
        "score": prediction.score,
        "token": prediction.token,
        "token_str": prediction.token_str,
        "sequence": prediction.sequence,
    }
