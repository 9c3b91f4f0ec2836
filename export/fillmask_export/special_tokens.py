"""The special tokens that a tokenizer adds around a text."""

from __future__ import annotations

from typing import Any


def special_tokens_around(tokenizer: Any) -> tuple[list[int], list[int]]:  # noqa: ANN401
    """The ids before and after a text, such as ``([101], [102])`` for BERT's ``[CLS]`` and ``[SEP]``.

    Args:
        tokenizer: A fast tokenizer of transformers with a mask token.
    """
    encoding = tokenizer(tokenizer.mask_token, return_special_tokens_mask=True)
    ids, added = encoding["input_ids"], encoding["special_tokens_mask"]
    return ids[: added.index(0)], ids[len(ids) - added[::-1].index(0) :]
