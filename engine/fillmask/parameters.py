"""The parameters of a call: ``top_k``, ``targets`` and ``truncation``, checked and resolved once for all its texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fillmask.encoding import check_text
from fillmask.errors import TargetsError, TargetWarning, TextError, TopKError
from fillmask.notices import Notice
from fillmask.tasks import Result

if TYPE_CHECKING:
    from fillmask.artifact.tokenizer import ModelTokenizer

DEFAULT_TOP_K = 5


def check_top_k(top_k: int | None, limit: int | None) -> int:
    """Check a number of predictions.

    Args:
        top_k: Predictions per mask; None for 5, or for ``limit`` where that is less.
        limit: The largest number allowed, None where there is no limit.

    Raises:
        TopKError: Not a whole number from 0 to the limit.
    """
    if top_k is None:
        return DEFAULT_TOP_K if limit is None else min(DEFAULT_TOP_K, limit)
    whole = isinstance(top_k, (int, np.integer)) and not isinstance(top_k, bool)
    if not whole or top_k < 0 or (limit is not None and top_k > limit):
        allowed = "at least 0" if limit is None else f"from 0 to {limit}, the size of the vocabulary"
        raise TopKError(f"top_k must be a whole number {allowed}, got {top_k!r}")
    return int(top_k)


def resolve_targets(tokenizer: ModelTokenizer, targets: str | Sequence[str]) -> Result[NDArray[np.int64]]:
    """Resolve targets to the tokens that are scored for them.

    A target that is a key of the vocabulary (``"paris"``, ``"Ġpizza"``, ``"##ing"``) is that token. Any other target is
    replaced by its first piece, or ignored if it has none; a notice says so.

    Args:
        tokenizer: The model's tokenizer.
        targets: One target or several; duplicates count once.

    Returns:
        Token ids, ``int64[t]``, ascending, each once; none if no target names a token.

    Raises:
        TargetsError: A target is not a string that a tokenizer takes.

    Source: transformers FillMaskPipeline.get_target_ids, its messages to the letter.
    """
    ids, notices = set(), []
    for target in check_targets(targets):
        token_id = tokenizer.tokenizer.token_to_id(target)
        if token_id is None:
            token_id, message = _first_piece(tokenizer, target)
            notices.append(Notice(TargetWarning, message))
        if token_id is not None:
            ids.add(token_id)
    return Result(np.array(sorted(ids), dtype=np.int64), tuple(notices))


def check_target_ids(target_ids: NDArray[np.int64], vocab_size: int) -> None:
    """Refuse targets that the model cannot score.

    Args:
        target_ids: ``int64[t]``, ascending.
        vocab_size: Tokens that the model scores.

    Raises:
        TargetsError: There is none, or one is no token of the model.
    """
    if not target_ids.size:
        raise TargetsError("At least one target must be provided when passed.")
    if target_ids[-1] >= vocab_size:
        raise TargetsError(f"a target is token {target_ids[-1]}, the model scores only {vocab_size} tokens")


def _first_piece(tokenizer: ModelTokenizer, target: str) -> tuple[int | None, str]:
    missing = f"The specified target token `{target}` does not exist in the model vocabulary."
    pieces = tokenizer.tokenizer.encode(target, add_special_tokens=False).ids
    if not pieces:
        return None, f"{missing} We cannot replace it with anything meaningful, ignoring it"
    # transformers truncates the target to one token, on the side on which the model's texts are truncated.
    piece = pieces[-1] if tokenizer.truncation_side == "left" else pieces[0]
    return piece, f"{missing} Replacing with `{tokenizer.tokenizer.id_to_token(piece)}`."


def check_targets(targets: object) -> Sequence[str]:
    """Give targets of one mask as a list, or raise a ``TargetsError``: a tokenizer takes none but valid texts."""
    if isinstance(targets, str):
        targets = [targets]
    if not isinstance(targets, Sequence):
        raise TargetsError(f"targets must be a string or a list of strings, got {type(targets).__name__}")
    for index, target in enumerate(targets):
        try:
            check_text(target)
        except TextError as error:
            raise TargetsError(f"targets[{index}]: {error}") from error
    return targets
