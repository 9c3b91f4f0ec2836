"""Targets, the words a caller wants scored, to token ids: what transformers does, and what it then says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fillmask.artifact.tokenizer import ModelTokenizer
from fillmask.encoding import check_text
from fillmask.errors import TargetsError, TextError


def target_ids(tokenization: ModelTokenizer, targets: str | Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
    """Resolve targets to the tokens that are scored for them.

    A target that is a key of the vocabulary (``"paris"``, ``"Ġpizza"``, ``"##ing"``) is that token. Any other is
    replaced by its first piece, or ignored where it has none; a message says so.

    Args:
        tokenization: The model's tokenizer.
        targets: One target or several; doubles count once.

    Returns:
        ``(ids int64[t], messages)``: ids ascending, each once; none where no target names a token.

    Raises:
        TargetsError: One is not a string that a tokenizer takes.

    Source: transformers FillMaskPipeline.get_target_ids, its messages to the letter.
    """
    ids, messages = set(), []
    for target in _check(targets):
        token_id = tokenization.tokenizer.token_to_id(target)
        if token_id is None:
            token_id, message = _one_piece(tokenization, target)
            messages.append(message)
        if token_id is not None:
            ids.add(token_id)
    return np.array(sorted(ids), dtype=np.int64), messages


def _one_piece(tokenization: ModelTokenizer, target: str) -> tuple[int | None, str]:
    missing = f"The specified target token `{target}` does not exist in the model vocabulary."
    pieces = tokenization.tokenizer.encode(target, add_special_tokens=False).ids
    if not pieces:
        return None, f"{missing} We cannot replace it with anything meaningful, ignoring it"
    # transformers truncates the target to one token, on the side on which the model's texts are truncated.
    piece = pieces[-1] if tokenization.truncation_side == "left" else pieces[0]
    return piece, f"{missing} Replacing with `{tokenization.tokenizer.id_to_token(piece)}`."


def _check(targets: object) -> Sequence[str]:
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
