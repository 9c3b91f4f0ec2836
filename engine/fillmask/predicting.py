"""Which task a call of ``FillMask.predict`` starts: the plain one, or the one with options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeAlias

from fillmask.calls import resolved
from fillmask.errors import TargetsError
from fillmask.model import Model
from fillmask.parameters import check_targets
from fillmask.tasks import Task
from fillmask.tasks.predict import Predictions, predict, resolve
from fillmask.windows import Truncation

Targets: TypeAlias = "str | Sequence[str] | Sequence[Sequence[str]]"
Slots: TypeAlias = "Sequence[tuple[int, int]]"


def starter(  # noqa: PLR0913 -- one parameter an option
    model: Model,
    *,
    top_k: int | None,
    targets: Targets | None,
    truncation: Truncation | None,
    strict_targets: bool,
    words: bool,
    filled: bool,
    slots: Slots | None = None,
) -> Callable[[str], Task[Predictions]]:
    """Resolve the arguments of ``FillMask.predict``, and warn of targets that are replaced.

    Returns:
        What starts the task of a text.

    Raises:
        InputError: An argument is wrong.
    """
    if strict_targets:
        _check_strictly(model, targets)
    common = {"top_k": top_k, "targets": targets, "truncation": truncation}
    if not (words or filled or is_per_mask(targets)) and slots is None:
        plain = resolved(partial(resolve, model, **common))  # type: ignore[arg-type]
        return lambda text: predict(model, text, plain)
    from fillmask.tasks.filled import predict_filled, resolve_filled

    options = {"words": words, "filled": filled, "slots": slots}
    parameters = resolved(partial(resolve_filled, model, **common, **options))  # type: ignore[arg-type]
    return lambda text: predict_filled(model, text, parameters)


def is_per_mask(targets: object) -> bool:
    """Whether targets are a list of lists, one for each mask."""
    return isinstance(targets, (list, tuple)) and any(isinstance(each, (list, tuple)) for each in targets)


def _check_strictly(model: Model, targets: object) -> None:
    """Refuse targets that are no tokens of the model."""
    lists: Iterable[object] = targets if is_per_mask(targets) else [targets]  # type: ignore[assignment]
    for target in (each for some in lists if some is not None for each in check_targets(some)):
        if model.tokenizer.tokenizer.token_to_id(target) is None:
            raise TargetsError(f"the target {target!r} is not a token of the model; rank takes words of several tokens")
