"""A fast version of the tokenizers of PhoBERT and BERTweet, which transformers has in Python only.

Both split a text at white space, and its words by merges. The vocabulary marks the pieces of a word but the last with
``@@``. The fast version marks the last with ``</w>``, as the merges do; ``fillmask.artifact.at_signs`` gives tokens the
names and ids of the vocabulary. The first line break behind a word belongs to it, and is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import BertweetTokenizer, PhobertTokenizer, PreTrainedTokenizerFast

from fillmask.artifact.at_signs import name_of, symbol_of
from fillmask_export.errors import CheckpointError
from fillmask_export.wrapping import SPACE, wrap

_END = "</w>"


def fast_at_signs(tokenizer: PhobertTokenizer | BertweetTokenizer) -> PreTrainedTokenizerFast:
    """Make a fast tokenizer that the engine reads alike.

    Raises:
        CheckpointError: The tokenizer rewrites texts, or its merges mean something else to a fast tokenizer.
    """
    if getattr(tokenizer, "normalization", False):
        raise CheckpointError(
            "BertweetTokenizer with normalization rewrites tweets by rules that are Python code; set normalization to "
            "false in tokenizer_config.json, and give the engine texts that normalizeTweet has rewritten"
        )
    vocab, added = tokenizer.get_vocab(), tokenizer.added_tokens_decoder
    merges = [merge for merge in sorted(tokenizer.bpe_ranks, key=tokenizer.bpe_ranks.__getitem__) if len(merge) == 2]
    contents = {token.content for token in added.values()}
    tokens = {name if name in contents else symbol_of(name): token for name, token in vocab.items()}
    _refuse(tokenizer, tokens, merges, contents)
    fast = Tokenizer(
        models.BPE(_with_symbols(tokens, merges), merges, unk_token=tokenizer.unk_token, end_of_word_suffix=_END)
    )
    fast.pre_tokenizer = pre_tokenizers.Split(Regex(rf"[^{SPACE}]+\n?"), "removed", invert=True)
    fast.decoder = _decoder(contents)
    fast.post_processor = _template(tokenizer)
    return wrap(fast, tokenizer, {"at_sign_tokens": len(vocab)})


def _with_symbols(tokens: dict[str, int], merges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """The tokens, and behind them what merges need and the vocabulary lacks."""
    symbols = dict(tokens)
    for first, second in merges:
        for symbol in (first, second, first + second):
            symbols.setdefault(symbol, len(symbols))
    return symbols


def _refuse(
    tokenizer: PhobertTokenizer | BertweetTokenizer,
    tokens: dict[str, int],
    merges: Sequence[tuple[str, str]],
    added: set[str],
) -> None:
    """Refuse what a fast BPE reads in another way than the class of transformers."""
    vocab, made = tokenizer.get_vocab(), {first + second: rank for rank, (first, second) in enumerate(merges)}
    symbols = {symbol for merge in merges for symbol in (*merge, "".join(merge))}
    wrong = [
        ("two entries for one id", [] if sorted(tokens.values()) == [*range(len(vocab))] else ["vocab.txt"]),
        ("</w> inside", [name for name in vocab if _END in name]
                        + [first + second for first, second in merges
                           if _END in first + second.removesuffix(_END) or second == _END]),
        ("a piece like an added token", sorted(symbols & added)),
        ("a last piece like another's name", [each for each in sorted(symbols - tokens.keys())
                                              if name_of(each) in vocab]),
        ("a merge before that of its part", [each for rank, merge in enumerate(merges) for each in merge
                                             if made.get(each, -1) > rank]),
        ("an added token of whole words", [token.content for token in tokenizer.added_tokens_decoder.values()
                                           if token.single_word]),
    ]  # fmt: skip
    for what, found in wrong:
        if found:
            raise CheckpointError(
                f"{type(tokenizer).__name__} exists in Python only, and cannot be converted exactly: it has {what}, "
                f"{found[0]!r} for one"
            )


def _decoder(added: Iterable[str]) -> decoders.Decoder:
    """As ``" ".join(tokens).replace("@@ ", "").strip()``."""
    unmarked = [
        decoders.Replace(Regex(rf"\A{re.escape(content)}@@{_END}\z"), content + _END) for content in sorted(added)
    ]
    return decoders.Sequence(
        [
            decoders.Replace(Regex(rf"(?<!{_END})\z"), f"@@{_END}"),
            *unmarked,
            decoders.Replace(Regex(rf"{_END}\z"), " "),
            decoders.Fuse(),
            decoders.Strip(" ", 0, 1),
            decoders.Replace("@@ ", ""),
        ]
    )


def _template(tokenizer: PhobertTokenizer | BertweetTokenizer) -> processors.TemplateProcessing:
    first, last = tokenizer.cls_token, tokenizer.sep_token
    ids = [(token, tokenizer.convert_tokens_to_ids(token)) for token in dict.fromkeys((first, last))]
    return processors.TemplateProcessing(
        single=f"{first} $A {last}", pair=f"{first} $A {last} {last} $B {last}", special_tokens=ids
    )
