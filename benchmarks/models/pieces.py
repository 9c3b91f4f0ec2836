"""A Unigram tokenizer of XLM-R's kind and size. No hub is needed: its pieces are made of syllables."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

VOCABULARY = 250_002
_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
_MASK = "<mask>"
_ROLES = {
    "bos_token": "<s>",
    "cls_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "unk_token": "<unk>",
}
_SPACE = "▁"


def unigram() -> Any:  # noqa: ANN401 -- transformers has no types
    """The tokenizer, as transformers saves one."""
    from tokenizers import AddedToken
    from transformers import PreTrainedTokenizerFast

    mask = AddedToken(_MASK, lstrip=True, special=True)
    return PreTrainedTokenizerFast(tokenizer_object=_tokenizer(), mask_token=mask, model_max_length=512, **_ROLES)


def _tokenizer() -> Any:  # noqa: ANN401 -- tokenizers has no types
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    made = Tokenizer(models.Unigram(_vocabulary(), unk_id=_SPECIAL.index("<unk>")))
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    ends = [("<s>", _SPECIAL.index("<s>")), ("</s>", _SPECIAL.index("</s>"))]
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    return made


def _vocabulary() -> list[tuple[str, float]]:
    """Pieces with the logarithms of their shares, which fall as Zipf's law has it."""
    pieces = itertools.islice(_pieces(), VOCABULARY - len(_SPECIAL) - 1)
    scored = [(piece, -2 - math.log(rank)) for rank, piece in enumerate(pieces, start=1)]
    return [*((token, 0.0) for token in _SPECIAL), *scored, (_MASK, 0.0)]


def _pieces() -> Iterator[str]:
    """Letters, then words of one syllable, two, three; each at the start of a word and inside one."""
    yield _SPACE
    letters = "abcdefghijklmnopqrstuvwxyz"
    yield from letters
    syllables = [onset + vowel + end for onset in "bdfgklmnprstvz" for vowel in "aeiou" for end in ("", "n", "s")]
    for count in (1, 2, 3):
        for word in map("".join, itertools.product(syllables, repeat=count)):
            yield _SPACE + word
            yield word
