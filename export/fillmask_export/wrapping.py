"""A tokenizer of the Rust library, made for one of transformers in Python only, as a fast one of transformers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokenizers import AddedToken, Tokenizer
from transformers import PreTrainedTokenizerFast

from fillmask_export.errors import CheckpointError

# What Python's \S is not; the Rust library's \S differs in U+001C to U+001F.
SPACE = r"\t-\r\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
_SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


def wrap(fast: Tokenizer, tokenizer: Any, settings: Mapping[str, Any]) -> PreTrainedTokenizerFast:  # noqa: ANN401
    """Give a tokenizer the added tokens and the settings of another.

    Args:
        fast: Reads and writes as ``tokenizer`` does; the added tokens are added to it.
        tokenizer: Of transformers, in Python.
        settings: Of fillmask, for tokenizer_config.json.

    Raises:
        CheckpointError: An added token has another id than the Rust library gives it.
    """
    for token_id, token in sorted(tokenizer.added_tokens_decoder.items()):
        plain = AddedToken(token.content, lstrip=token.lstrip, rstrip=token.rstrip, normalized=False)
        (fast.add_special_tokens if token.special else fast.add_tokens)([plain])
        if fast.token_to_id(token.content) != token_id:
            raise CheckpointError(
                f"{type(tokenizer).__name__} exists in Python only, and cannot be converted exactly: its added token "
                f"{token.content!r} has the id {token_id}, which leaves a gap behind the vocabulary"
            )
    return PreTrainedTokenizerFast(
        tokenizer_object=fast,
        model_max_length=tokenizer.model_max_length,
        model_input_names=tokenizer.model_input_names,
        clean_up_tokenization_spaces=tokenizer.clean_up_tokenization_spaces,
        clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output=tokenizer.clean_up_tokenization_spaces,
        truncation_side=tokenizer.truncation_side,
        **{name: str(token) for name in _SPECIAL if (token := getattr(tokenizer, name)) is not None},
        **settings,
    )
