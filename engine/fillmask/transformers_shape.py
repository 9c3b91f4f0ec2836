"""The call of ``FillMask``: predictions in the shapes of transformers' fill-mask pipeline."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence, Sized
from functools import partial
from typing import Any, TypedDict, overload

from fillmask.calls import resolved, run
from fillmask.errors import TargetsError
from fillmask.model import Model
from fillmask.parameters import DEFAULT_TOP_K
from fillmask.predicting import is_per_mask
from fillmask.tasks.predict import Prediction, Predictions, predict, resolve
from fillmask.texts import texts_of
from fillmask.windows import Truncation


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


class TransformersCall:
    """A loaded model as the pipeline of transformers that it replaces.

    Attributes:
        model: The loaded model.
    """

    model: Model

    # The declared types are those of texts with one mask, as in transformers: the number of masks is no type.
    @overload
    def __call__(  # type: ignore[overload-overlap]
        self,
        inputs: str,
        top_k: int | None = ...,
        targets: str | Sequence[str] | None = ...,
        *,
        truncation: Truncation | None = ...,
    ) -> list[PredictionDict]: ...

    @overload
    def __call__(  # type: ignore[overload-overlap]
        self,
        inputs: Collection[str],
        top_k: int | None = ...,
        targets: str | Sequence[str] | None = ...,
        *,
        truncation: Truncation | None = ...,
    ) -> list[list[PredictionDict]]: ...

    @overload
    def __call__(
        self,
        inputs: Iterable[str],
        top_k: int | None = ...,
        targets: str | Sequence[str] | None = ...,
        *,
        truncation: Truncation | None = ...,
    ) -> Iterator[list[PredictionDict]]: ...

    def __call__(
        self,
        inputs: str | Iterable[str],
        top_k: int | None = DEFAULT_TOP_K,
        targets: str | Sequence[str] | None = None,
        *,
        truncation: Truncation | None = None,
    ) -> Any:
        """Predict as ``transformers.pipeline("fill-mask")`` does, in its shapes.

        Type checkers see the types of texts with one mask, as those of transformers do. ``predict`` has one type.

        Args:
            inputs: A text, a list of texts, or a column of texts of numpy, pandas, Polars, pyarrow or datasets. Any
                other iterable, such as a generator, is read lazily.
            top_k: As in ``predict``.
            targets: As in ``predict``, but the same for every mask.
            truncation: As in ``predict``.

        Returns:
            For a text with one mask a list of dicts ``score, token, token_str, sequence``; with several masks one
            such list per mask. For a list or a column a list of one result per text, but for a list of one text that
            text's result. For an iterable without a length an iterator of results.

        Raises:
            InputError: One of the texts, top_k or the targets is wrong.
        """
        if is_per_mask(targets):
            raise TargetsError("targets must be a string or a list of strings here; predict takes a list for each mask")
        parameters = resolved(partial(resolve, self.model, top_k=top_k, targets=targets, truncation=truncation))
        if isinstance(inputs, str):
            return as_transformers(run(self.model, predict(self.model, inputs, parameters)))
        texts = texts_of("inputs must be a string or an iterable of strings", inputs)
        results = (as_transformers(run(self.model, predict(self.model, text, parameters))) for text in texts)
        if isinstance(inputs, (list, tuple)):
            return next(results) if len(inputs) == 1 else list(results)
        return list(results) if isinstance(inputs, Sized) else results
