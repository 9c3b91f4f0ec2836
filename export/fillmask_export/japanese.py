"""A fast version of transformers' BertJapaneseTokenizer, which exists in Python only.

MeCab finds the words, as code: ``fillmask.artifact.japanese_words`` calls it where the engine opens the tokenizer.
tokenizer.json holds what comes before, NFKC, and what comes after, pieces of words or characters. Words by BERT's own
rules (``word_tokenizer_type="basic"``) need no code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertJapaneseTokenizer, PreTrainedTokenizerFast
from transformers.models.bert_japanese.tokenization_bert_japanese import _is_control, _is_punctuation

from fillmask.artifact.japanese_words import DICTIONARIES
from fillmask_export.errors import CheckpointError
from fillmask_export.wrapping import SPACE, wrap

_DEFAULT_DICTIONARY = "unidic_lite"  # of transformers' MecabTokenizer
_MOST_CHARACTERS = 100  # of a word, in transformers' WordpieceTokenizer
_CHARACTER = r"[\s\S]"


def fast_japanese(tokenizer: BertJapaneseTokenizer) -> PreTrainedTokenizerFast:
    """Make a fast tokenizer that the engine reads alike.

    Raises:
        CheckpointError: Its words or pieces come from what the engine does not call, or cannot be made exactly.
    """
    _refuse(tokenizer)
    fast = Tokenizer(
        models.WordPiece(tokenizer.vocab, unk_token=tokenizer.unk_token, max_input_chars_per_word=_MOST_CHARACTERS)
    )
    settings: dict[str, Any] = {}
    if tokenizer.word_tokenizer_type == "basic":
        fast.normalizer = normalizers.Sequence(
            [normalizers.Replace(Regex(_characters(_is_dropped)), ""), normalizers.NFC()]
        )
        fast.pre_tokenizer = pre_tokenizers.Sequence([_at_spaces(), _at_punctuation(tokenizer)])
    else:
        options = tokenizer.mecab_kwargs or {}
        dictionary = options.get("mecab_dic", _DEFAULT_DICTIONARY)
        settings["japanese_words"] = {"dictionary": dictionary, "lowercase": bool(tokenizer.do_lower_case)}
        if options.get("normalize_text", True):
            fast.normalizer = normalizers.NFKC()
        by_character = tokenizer.subword_tokenizer_type == "character"
        fast.pre_tokenizer = pre_tokenizers.Split(Regex(_CHARACTER), "isolated") if by_character else _at_spaces()
    fast.decoder = _decoder(tokenizer)
    fast.post_processor = _template(tokenizer)
    return wrap(fast, tokenizer, settings)


def _refuse(tokenizer: BertJapaneseTokenizer) -> None:
    reason = next((why for why, found in (*_refused_kinds(tokenizer), *_refused_tokens(tokenizer)) if found), None)
    if reason:
        raise CheckpointError(f"BertJapaneseTokenizer exists in Python only, and cannot be converted exactly: {reason}")


def _refused_kinds(tokenizer: BertJapaneseTokenizer) -> Iterator[tuple[str, bool]]:
    """Why a kind of words or pieces is not converted, and whether the tokenizer has it."""
    words, pieces, lower = tokenizer.word_tokenizer_type, tokenizer.subword_tokenizer_type, tokenizer.do_lower_case
    options = tokenizer.mecab_kwargs or {}
    normalizes, dictionary = options.get("normalize_text", True), options.get("mecab_dic", _DEFAULT_DICTIONARY)
    yield "it finds no words (do_word_tokenize is false)", not tokenizer.do_word_tokenize
    yield "it makes no pieces of words (do_subword_tokenize is false)", not tokenizer.do_subword_tokenize
    yield f"its words come from {words}, which the engine does not call", words not in ("mecab", "basic")
    yield "its pieces come from SentencePiece, within words of another program", pieces == "sentencepiece"
    by_characters = pieces == "character" and (words == "basic" or lower or not normalizes)
    yield "it normalizes characters once more after it has split them off", by_characters
    if words == "basic":
        yield "its lower case removes the marks of kana, by Python's tables (do_lower_case, with basic words)", lower
        return
    known = ", ".join(DICTIONARIES)
    yield f"its dictionary (mecab_dic) is {dictionary}, and the engine has {known}", dictionary not in DICTIONARIES
    given = options.get("mecab_option")
    yield f"it gives MeCab the options {given!r} (mecab_option), which hold for one machine", bool(given)
    yield "it keeps the capitals of some words (never_split)", bool(lower and tokenizer.never_split)


def _refused_tokens(tokenizer: BertJapaneseTokenizer) -> Iterator[tuple[str, bool]]:
    if tokenizer.subword_tokenizer_type == "sentencepiece":
        return
    vocab, added = tokenizer.vocab, tokenizer.added_tokens_decoder.values()
    whole = ", ".join(repr(token.content) for token in added if token.single_word)
    yield "vocab.txt has two entries for one id", sorted(vocab.values()) != [*range(len(vocab))]
    yield f"vocab.txt lacks the unknown token {tokenizer.unk_token}", tokenizer.unk_token not in vocab
    yield f"it has an added token of whole words, {whole}", bool(whole)


def _at_spaces() -> pre_tokenizers.PreTokenizer:
    """As ``str.split``: MeCab's words may hold white space, which makes no piece."""
    return pre_tokenizers.Split(Regex(rf"[{SPACE}]+"), "removed")


def _at_punctuation(tokenizer: BertJapaneseTokenizer) -> pre_tokenizers.PreTokenizer:
    """As BasicTokenizer: each mark by itself, unless the word is a special token, or one never to be split."""
    kept = {*tokenizer.all_special_tokens, *(tokenizer.never_split or [])}
    whole = "|".join(re.escape(word) for word in sorted(kept))
    return pre_tokenizers.Split(Regex(rf"\A(?:{whole})\z|{_characters(_is_punctuation)}"), "isolated")


def _is_dropped(character: str) -> bool:
    return character == "\ufffd" or bool(_is_control(character))


@cache
def _characters(belongs: Callable[[str], bool]) -> str:
    """A class of a regular expression: the characters for which a function holds, by Python's tables."""
    found = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000 and belongs(chr(code))]
    runs: list[list[int]] = []
    for code in found:
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return "[" + "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in runs) + "]"


def _decoder(tokenizer: BertJapaneseTokenizer) -> decoders.Decoder:
    """As ``" ".join(tokens).replace(" ##", "").strip()``."""
    pieces = decoders.WordPiece("##", cleanup=False)
    if all(token and token == token.strip() for token in tokenizer.get_vocab()):
        return pieces
    stripped = decoders.Replace(Regex(rf"\A[{SPACE}]+|[{SPACE}]+\z"), "")
    return decoders.Sequence([pieces, decoders.Fuse(), stripped])


def _template(tokenizer: BertJapaneseTokenizer) -> processors.TemplateProcessing:
    first, last = tokenizer.cls_token, tokenizer.sep_token
    ids = [(token, tokenizer.convert_tokens_to_ids(token)) for token in dict.fromkeys((first, last))]
    return processors.TemplateProcessing(
        single=f"{first} $A {last}", pair=f"{first} $A {last} $B:1 {last}:1", special_tokens=ids
    )
