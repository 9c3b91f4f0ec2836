"""The tokens of plain text word by word, remembered: a tenth of the time that the tokenizer takes behind a run.

A WordPiece tokenizer like BERT's reads words one by one, and no word depends on another. What it made of a word can
therefore be looked up, and only words that are new go to it. That holds for printable ASCII, where it is plain what a
word is; other text, and text with special tokens besides the mask in it, goes to the tokenizer whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from tokenizers import AddedToken, Tokenizer

# What BertPreTokenizer makes of printable ASCII: letters and digits together, and each punctuation mark by itself.
_WORD = re.compile(r"[0-9A-Za-z]+|[!-/:-@\[-`{-~]")
_LONGEST = 64  # characters; what is longer is seldom seen twice
_MOST = 1 << 15  # words, some 6 MB


class Words:
    """Remembers the tokens of words.

    Args:
        tokenizer: For words not seen yet; one that ``reads_words`` is true of.
        mask_token: The mask as text.
        ends: What stands before a text and behind it, token ids.
    """

    def __init__(self, tokenizer: Tokenizer, mask_token: str, ends: tuple[Sequence[int], Sequence[int]]) -> None:
        self._tokenizer = tokenizer
        self._mask_token = mask_token
        self._mask = [tokenizer.token_to_id(mask_token)]
        self._before, self._behind = ends
        added = tokenizer.get_added_tokens_decoder().values()
        self._others = [token.content for token in added if token.content != mask_token]
        self._known: dict[str, list[int]] = {}

    def ids(self, text: str) -> list[int] | None:
        """Token ids of a text, with those around it; None where it is not read word by word."""
        if not text.isascii() or not text.isprintable() or any(other in text for other in self._others):
            return None
        ids = [*self._before]
        for index, part in enumerate(text.split(self._mask_token)):
            if index:
                ids += self._mask
            self._extend(ids, part)
        ids += self._behind
        return ids

    def _extend(self, ids: list[int], part: str) -> None:
        known = self._known
        for word in _WORD.findall(part):
            ids += known.get(word) or self._new(word)

    def _new(self, word: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(word, add_special_tokens=False).ids
        if len(word) <= _LONGEST and len(self._known) < _MOST:
            self._known[word] = ids
        return ids


def reads_words(tokenizer: Tokenizer, mask_token: str) -> bool:
    """Whether a tokenizer reads ASCII as BERT's does: word by word, and added tokens as they are written."""
    added = tokenizer.get_added_tokens_decoder().values()
    # The mask is cut out first, and would tear a token that holds it.
    holding = [token.content for token in added if mask_token in token.content]
    return (
        type(tokenizer.model).__name__ == "WordPiece"
        and _kind(tokenizer.normalizer) == "BertNormalizer"
        and _kind(tokenizer.pre_tokenizer) == "BertPreTokenizer"
        and holding == [mask_token]
        and all(_is_plain(token) for token in added)
    )


def _kind(part: Any) -> str | None:  # noqa: ANN401 -- tokenizers has no types
    """The type that tokenizer.json gives a part: the classes that stand for parts of a file need not be its own."""
    return None if part is None else json.loads(part.__getstate__()).get("type")


def _is_plain(token: AddedToken) -> bool:
    return bool(token.content) and not (token.lstrip or token.rstrip or token.single_word or token.normalized)
