"""Tokenizers of the families that masked language models have, made from ``data/corpus.txt`` in a moment.

They need neither torch nor transformers. Each has the normalizer, the pre-tokenizer, the template and the mask token of
the models it stands for, since those decide what happens to the space around a mask. Only the byte-level family uses
the library's trainer: those of WordPiece and Unigram go by the order of a hash table, so no two runs agree.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = Path(__file__).parent / "data" / "corpus.txt"
VOCAB_SIZE = 560
BERT_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# Its token 0 must not be taken for padding.
BERT_TOKENS_WITHOUT_PADDING = ["[CLS]", "[UNK]", "[SEP]", "[MASK]"]
ROBERTA_TOKENS = ["<s>", "<pad>", "</s>", "<unk>"]


def sentences() -> list[str]:
    """The corpus, one sentence an item."""
    return CORPUS.read_text(encoding="utf-8").splitlines()


def train(family: str) -> Tokenizer:
    """Make the tokenizer of one family; the same one every time."""
    return FAMILIES[family]()


def _wordpiece() -> Tokenizer:
    """bert-base-uncased: lowercase, accents dropped, every CJK character a word."""
    return _bert_like(normalizers.BertNormalizer(lowercase=True), BERT_TOKENS)


def _wordpiece_cased() -> Tokenizer:
    """A cased model that has no padding token."""
    return _bert_like(normalizers.BertNormalizer(lowercase=False, strip_accents=False), BERT_TOKENS_WITHOUT_PADDING)


def _bert_like(normalizer: normalizers.Normalizer, special: list[str]) -> Tokenizer:
    pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    pieces = _frequent_pieces(_words(normalizer, pre_tokenizer), "##", VOCAB_SIZE - len(special))
    vocab = {piece: token for token, piece in enumerate([*special, *pieces])}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.WordPiece(cleanup=True)
    tokenizer.add_special_tokens(special)
    return _with_template(tokenizer, "[CLS]", "[SEP]")


def _bytelevel() -> Tokenizer:
    """roberta-base: byte-level BPE, whose tokens keep the space before a word; ``<mask>`` swallows that space."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=ROBERTA_TOKENS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sentences(), trainer)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    return _with_template(tokenizer, "<s>", "</s>")


def _unigram() -> Tokenizer:
    """xlm-roberta-base: SentencePiece's Unigram with ``▁`` for a space; rare characters are unknown to it."""
    normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    )
    pieces = _frequent_pieces(_words(normalizer, pre_tokenizer), "", VOCAB_SIZE - len(ROBERTA_TOKENS))
    scores = [(piece, math.log(count / 10_000)) for piece, count in pieces.items()]
    vocab = [*((token, 0.0) for token in ROBERTA_TOKENS), *scores]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=ROBERTA_TOKENS.index("<unk>")))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens([*ROBERTA_TOKENS, AddedToken("<mask>", lstrip=True)])
    return _with_template(tokenizer, "<s>", "</s>")


def _words(normalizer: normalizers.Normalizer, pre_tokenizer: pre_tokenizers.PreTokenizer) -> Iterable[str]:
    for sentence in sentences():
        for word, _ in pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(sentence)):
            yield word


def _frequent_pieces(words: Iterable[str], continuing: str, limit: int) -> dict[str, int]:
    """Common characters, then the parts of words that cover most of the corpus; ``continuing`` marks inner parts."""
    counts: Counter[str] = Counter()
    for word in words:
        for start in range(len(word)):
            for part in (word[start:end] for end in range(start + 1, min(start + 10, len(word)) + 1)):
                counts[continuing + part if start else part] += 1
    common = [piece for piece, count in counts.items() if count > 3]
    common.sort(key=lambda piece: (not _is_character(piece, continuing), -counts[piece] * len(piece), piece))
    return {piece: counts[piece] for piece in common[:limit]}


def _is_character(piece: str, continuing: str) -> bool:
    return len(piece.removeprefix(continuing)) == 1


def _with_template(tokenizer: Tokenizer, start: str, end: str) -> Tokenizer:
    ids = [(token, tokenizer.token_to_id(token)) for token in (start, end)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{start} $A {end}", special_tokens=ids)
    return tokenizer


FAMILIES = {
    "wordpiece": _wordpiece,
    "wordpiece_cased": _wordpiece_cased,
    "bytelevel": _bytelevel,
    "unigram": _unigram,
}
