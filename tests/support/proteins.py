"""A toy model of proteins, like ESM: each residue is a token, and numpy can say what the engine must."""

from __future__ import annotations

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from fillmask import FillMask
from fillmask.tasks.marginals import AMINO_ACIDS
from tests.support import toys

SPECIAL = ["<cls>", "<pad>", "<eos>", "<unk>", "<mask>"]
LETTERS = [*SPECIAL, *AMINO_ACIDS, "X", "B", "-"]
MASK = LETTERS.index("<mask>")
WILD = "MKTAYIAKQR"


def protein_tokenizer():
    """A tokenizer like ESM's: each residue is a token, and some letters stand for no amino acid."""
    vocab = {letter: index for index, letter in enumerate(LETTERS)}
    tokenizer = Tokenizer(models.BPE(vocab, [], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<cls> $A <eos>", special_tokens=[("<cls>", 0), ("<eos>", 2)]
    )
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def load_protein(folder):
    """The model, written to a folder and loaded."""
    settings = {"mask_token": "<mask>", "pad_token": "<pad>", "unk_token": "<unk>"}
    graph = toys.foreign_graph(toys.tables(size=len(LETTERS)))
    toys.write_foreign(folder, {"model.onnx": graph}, tokenizer=protein_tokenizer(), settings=settings)
    return FillMask(folder, threads=1)


def encode(sequence):
    """Token ids; ``?`` is a mask."""
    return [0, *(MASK if letter == "?" else LETTERS.index(letter) for letter in sequence), 2]


def log_prob(sequence, index, letter):
    """log p(letter | sequence) at a residue, in float64; ``?`` is a mask."""
    left, right = toys.tables(size=len(LETTERS))
    ids = encode(sequence)
    logits = (left[ids[index]] + right[ids[index + 2]]).astype(np.float64)
    return logits[LETTERS.index(letter)] - np.log(np.exp(logits).sum())


def put(sequence, changes):
    """A sequence with other letters at some places."""
    letters = list(sequence)
    for index, letter in changes.items():
        letters[index] = letter
    return "".join(letters)
