"""Tokenizer files as those of PhoBERT and BERTweet, made from the corpus of the tests in a moment."""

import json
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from fillmask.artifact.at_signs import name_of
from tests.support.training import CORPUS

_EVERY = 9


def write_at_signs(folder: Path) -> tuple[str, str]:
    """Write vocab.txt and bpe.codes; the vocabulary lacks some of what the merges make, as real ones do."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.train([str(CORPUS)], trainers.BpeTrainer(vocab_size=1500, end_of_word_suffix="</w>", show_progress=False))
    merges = [f"{first} {second} 1\n" for first, second in _merges(tokenizer)]
    symbols = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().__getitem__)
    kept = [symbol for place, symbol in enumerate(symbols) if place % _EVERY]
    vocab = [f"{name} 1\n" for name in dict.fromkeys([*map(name_of, kept), "@@", "@@@", "日"])]
    files = folder / "vocab.txt", folder / "bpe.codes"
    for path, lines in zip(files, (vocab, merges), strict=True):
        path.write_text("".join(lines), encoding="utf-8")
    return str(files[0]), str(files[1])


def _merges(tokenizer: Tokenizer) -> list[tuple[str, str]]:
    return [tuple(merge) for merge in json.loads(tokenizer.to_str())["model"]["merges"]]
