"""The tokens of plain text word by word, remembered: a tenth of the time that the tokenizer takes behind a run.

A WordPiece tokenizer like BERT's reads words one by one, and no word depends on another. What it made of a word, and of
what stands between two spaces, can therefore be looked up, and only words that are new go to it. That holds for
printable ASCII, where it is plain what a word is; other text, and text with special tokens besides the mask in it, goes
to the tokenizer whole.
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
_LONGEST_IDS = 8
_MOST = 1 << 15  # some 6 MB, then they are forgotten


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
        # Words, and what stands between spaces; none is known that is not ASCII or holds another token.
        self._known: dict[str, list[int]] = {}

    def ids(self, text: str) -> list[int] | None:
        """Token ids of a text, with those around it; None where it is not read word by word."""
        if not text.isascii():
            return None
        ids = [*self._before]
        for index, part in enumerate(text.split(self._mask_token)):
            if index:
                ids += self._mask
            for piece in part.split(" "):
                known = self._known.get(piece)
                if known is None and (known := self._new(piece)) is None:
                    return None
                ids += known
        ids += self._behind
        return ids

    def _new(self, piece: str) -> list[int] | None:
        if not piece.isprintable() or any(other in piece for other in self._others):
            return None
        return self._remember(piece, [token for word in _WORD.findall(piece) for token in self._tokens(word)])

    def _tokens(self, word: str) -> list[int]:
        known = self._known.get(word)
        if known is None:
            return self._remember(word, self._tokenizer.encode(word, add_special_tokens=False).ids)
        return known

    def _remember(self, text: str, ids: list[int]) -> list[int]:
        if len(text) <= _LONGEST and len(ids) <= _LONGEST_IDS:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[text] = ids
        return ids


def reads_words(tokenizer: Tokenizer, mask_token: str) -> bool:
    """Whether a tokenizer reads ASCII as BERT's does: word by word, and added tokens as they are written."""
    added = tokenizer.get_added_tokens_decoder().values()
    # The mask is cut out first, then the text at its spaces: neither may tear another token.
    holding = [token.content for token in added if mask_token in token.content]
    torn = any(mask_token[0] in token.content[1:] or " " in token.content for token in added)
    return (
        type(tokenizer.model).__name__ == "WordPiece"
        and _kind(tokenizer.normalizer) == "BertNormalizer"
        and _kind(tokenizer.pre_tokenizer) == "BertPreTokenizer"
        and holding == [mask_token]
        and not torn
        and all(_is_plain(token) for token in added)
    )


def _kind(part: Any) -> str | None:  # noqa: ANN401 -- tokenizers has no types
    """The type that tokenizer.json gives a part: the classes that stand for parts of a file need not be its own."""
    return None if part is None else json.loads(part.__getstate__()).get("type")


def _is_plain(token: AddedToken) -> bool:
    return bool(token.content) and not (token.lstrip or token.rstrip or token.single_word or token.normalized)
