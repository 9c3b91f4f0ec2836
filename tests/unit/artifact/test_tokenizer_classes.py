"""The class of a folder's tokenizer; tests/parity/test_defaults.py compares the table with transformers."""

import pytest

from fillmask.artifact.tokenizer_classes import tokenizer_class


@pytest.mark.parametrize(
    ("settings", "config", "mask"),
    [
        ({"tokenizer_class": "BertTokenizer"}, {"tokenizer_class": "RobertaTokenizer"}, "[MASK]"),
        ({}, {"model_type": "albert", "tokenizer_class": "RobertaTokenizerFast"}, "<mask>"),
        ({"tokenizer_class": None}, {"tokenizer_class": None, "model_type": "xlm-roberta-xl"}, "<mask>"),
        ({}, {"model_type": "big_bird"}, "[MASK]"),
        ({"tokenizer_class": "UnknownTokenizer"}, {"model_type": "bert"}, None),
        ({}, {}, None),
    ],
)
def test_the_class_is_that_of_the_settings_then_of_the_configuration_then_of_the_model_type(settings, config, mask):
    assert tokenizer_class(settings, config).tokens.get("mask_token") == mask
