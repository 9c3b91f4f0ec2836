"""Small checkpoints with random weights, one a tokenizer family, that transformers loads like any other.

Their predictions mean nothing. Parity tests only compare two programs. Weights have a wide distribution, so that scores
lie far apart, and biases too, so that a missing bias shows.
"""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertTokenizerFast,
    DistilBertConfig,
    DistilBertForMaskedLM,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaTokenizerFast,
)

from tests.support.training import FAMILIES, train

__all__ = ["FAMILIES", "make_checkpoint"]

MAX_LENGTH = 64
# Rows of the vocabulary that no token has, as in models padded to a round size. They are predicted like others.
SPARE_ROWS = {"unigram": 7}
BERT_SPECIAL = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}


def make_checkpoint(family: str, folder: Path) -> Path:
    """Save a masked language model and its tokenizer.

    Args:
        family: One of ``FAMILIES``.
        folder: Where to; made if need be.

    Returns:
        ``folder``, for AutoTokenizer, AutoModelForMaskedLM and pipeline.
    """
    tokenizer = _wrap(family)
    model = _draw(family, len(tokenizer) + SPARE_ROWS.get(family, 0))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _wrap(family: str) -> PreTrainedTokenizerFast:
    """The tokenizer in the class that models of its family have."""
    trained = {"tokenizer_object": train(family), "model_max_length": MAX_LENGTH}
    if family == "wordpiece":
        return BertTokenizerFast(**trained, do_lower_case=True)
    if family == "wordpiece_cased":
        return PreTrainedTokenizerFast(**trained, **BERT_SPECIAL, model_input_names=["input_ids", "attention_mask"])
    if family == "bytelevel":
        return RobertaTokenizerFast(**trained)
    return XLMRobertaTokenizerFast(**trained)


def _draw(family: str, vocab_size: int) -> PreTrainedModel:
    torch.manual_seed(sorted(FAMILIES).index(family))
    model = {
        "wordpiece": lambda: BertForMaskedLM(BertConfig(**_sizes(vocab_size, MAX_LENGTH))),
        "wordpiece_cased": lambda: DistilBertForMaskedLM(_distilbert(vocab_size)),
        "bytelevel": lambda: RobertaForMaskedLM(RobertaConfig(**_sizes(vocab_size, MAX_LENGTH + 2))),
        "unigram": lambda: XLMRobertaForMaskedLM(XLMRobertaConfig(**_sizes(vocab_size, MAX_LENGTH + 2))),
    }[family]()
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def _sizes(vocab_size: int, positions: int) -> dict[str, float]:
    return {
        "vocab_size": vocab_size,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": positions,
        "initializer_range": 0.4,
    }


def _distilbert(vocab_size: int) -> PretrainedConfig:
    """No token types, and no padding token: pad_token_id would zero the embedding of a token that is one."""
    sizes = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}
    return DistilBertConfig(
        vocab_size=vocab_size, max_position_embeddings=MAX_LENGTH, initializer_range=0.4, pad_token_id=None, **sizes
    )
