"""BPE whose vocabulary marks with ``@@`` the pieces after which a word goes on, as PhoBERT's and BERTweet's.

tokenizer.json holds the same BPE with ``</w>`` behind the last piece of a word. Merges need symbols in between that are
no tokens of the model; their ids follow those of the tokens, and each stands for the unknown token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tokenizers import AddedToken, Tokenizer

_MARK = "@@"
_END = "</w>"


class Encoding(NamedTuple):
    """What the engine reads of an encoding of tokenizers.

    Attributes:
        ids: Tokens.
        type_ids: Types of the tokens.
        offsets: Where each token stands in the text, in characters.
        word_ids: The word of each token, None for a special token of the template.
    """

    ids: list[int]
    type_ids: list[int]
    offsets: list[tuple[int, int]]
    word_ids: list[int | None]


class AtSigns:
    """Stands for ``tokenizers.Tokenizer`` with the ids and the names that the vocabulary gives to tokens.

    Args:
        tokenizer: With ``</w>`` behind the last piece of a word.
        size: Tokens; a symbol with this id or a larger one is no token.
        unk_token_id: The token for what the vocabulary lacks.

    Attributes:
        model: As those that follow, the part of the tokenizer of that name.
        normalizer: None.
        pre_tokenizer: Splits at white space.
        decoder: Writes text.
    """

    def __init__(self, tokenizer: Tokenizer, size: int, unk_token_id: int) -> None:
        self._tokenizer = tokenizer
        self._size = size
        self._unk_token_id = unk_token_id
        self.model, self.normalizer = tokenizer.model, tokenizer.normalizer
        self.pre_tokenizer, self.decoder = tokenizer.pre_tokenizer, tokenizer.decoder
        added = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
        symbols = {symbol: token for symbol, token in tokenizer.get_vocab().items() if token < size}
        self._ids = {name if name in added else name_of(name): token for name, token in symbols.items()}
        self._names = {token: name for name, token in self._ids.items()}

    def encode(self, text: str, *, add_special_tokens: bool = True) -> Encoding:
        """Tokenize a text."""
        return self._known(self._tokenizer.encode(text, add_special_tokens=add_special_tokens))

    def encode_batch(self, texts: Sequence[str], *, add_special_tokens: bool = True) -> list[Encoding]:
        """Tokenize texts."""
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=add_special_tokens)
        return [self._known(encoding) for encoding in encodings]

    def encode_batch_fast(self, texts: Sequence[str], *, add_special_tokens: bool = True) -> list[Encoding]:
        """Tokenize texts without their offsets."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=add_special_tokens)
        return [self._known(encoding) for encoding in encodings]

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = True) -> str:
        """Write tokens as text."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=skip_special_tokens))

    def token_to_id(self, token: str) -> int | None:
        """Find a token by its name in the vocabulary."""
        return self._ids.get(token)

    def id_to_token(self, token_id: int) -> str | None:
        """Give the name of a token in the vocabulary."""
        return self._names.get(token_id)

    def get_vocab(self) -> dict[str, int]:
        """Give all tokens by name."""
        return dict(self._ids)

    def get_vocab_size(self, *, with_added_tokens: bool = True) -> int:
        """Count the tokens."""
        return self._size

    def get_added_tokens_decoder(self) -> dict[int, AddedToken]:
        """Give the tokens that are cut out of a text before it is split."""
        return dict(self._tokenizer.get_added_tokens_decoder())

    def _known(self, encoding: Any) -> Encoding:  # noqa: ANN401 -- tokenizers has no types
        ids = [token if token < self._size else self._unk_token_id for token in encoding.ids]
        return Encoding(ids, encoding.type_ids, encoding.offsets, encoding.word_ids)


def name_of(symbol: str) -> str:
    """The name in the vocabulary of a symbol of BPE: ``ab`` is ``ab@@``, and ``ab</w>`` is ``ab``."""
    return symbol.removesuffix(_END) if symbol.endswith(_END) else symbol + _MARK


def symbol_of(name: str) -> str:
    """The symbol of BPE of a name in the vocabulary."""
    return name.removesuffix(_MARK) if name.endswith(_MARK) and name != _MARK else name + _END
