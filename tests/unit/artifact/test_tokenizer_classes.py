"""What tokenizer classes bring along is what transformers' own classes declare."""

import inspect

import pytest

from fillmask.artifact import tokenizer_classes
from fillmask.artifact.tokenizer_classes import tokenizer_class

# Of the classes whose names are not the table's key in title case.
NAMES = {
    "bigbird": "BigBirdTokenizerFast", "convbert": "ConvBertTokenizerFast", "debertav2": "DebertaV2TokenizerFast",
    "distilbert": "DistilBertTokenizerFast", "fnet": "FNetTokenizerFast", "layoutlm": "LayoutLMTokenizerFast",
    "led": "LEDTokenizerFast", "mbart": "MBartTokenizerFast", "mobilebert": "MobileBertTokenizerFast",
    "mpnet": "MPNetTokenizerFast", "mvp": "MvpTokenizerFast", "rembert": "RemBertTokenizerFast",
    "roformer": "RoFormerTokenizerFast", "squeezebert": "SqueezeBertTokenizerFast",
    "xlmroberta": "XLMRobertaTokenizerFast",
}  # fmt: skip
SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


@pytest.mark.parametrize("key", sorted(tokenizer_classes._CLASSES.keys() - {"esm"}))  # ESM has no fast class
def test_a_class_has_the_special_tokens_and_inputs_that_transformers_declares(key):
    transformers = pytest.importorskip("transformers", exc_type=ImportError)
    declared = getattr(transformers, NAMES.get(key, f"{key.title()}TokenizerFast"))
    known = tokenizer_class({"tokenizer_class": declared.__name__}, {})
    defaults = {name: each.default for name, each in inspect.signature(declared.__init__).parameters.items()}
    tokens = {name: str(defaults[name]) for name in SPECIAL if isinstance(defaults.get(name), str)}
    assert {name: known.tokens.get(name) for name in tokens} == tokens
    if transformers.__version__ < "5":  # 5.24 declares none for some, and their templates give type 0 alone
        assert known.token_types == ("token_type_ids" in declared.model_input_names)


@pytest.mark.parametrize(
    ("settings", "config", "tokens"),
    [
        (
            {"tokenizer_class": "BertTokenizer"},
            {"tokenizer_class": "RobertaTokenizer", "model_type": "roberta"},
            "[MASK]",
        ),
        ({}, {"tokenizer_class": "BertTokenizerFast", "model_type": "roberta"}, "[MASK]"),
        ({}, {"model_type": "xlm-roberta"}, "<mask>"),
        ({}, {"model_type": "megatron-bert"}, "[MASK]"),
        ({"tokenizer_class": "PreTrainedTokenizerFast"}, {"model_type": "bert"}, None),
        ({"tokenizer_class": "TokenizersBackend"}, {}, None),
        ({}, {}, None),
    ],
)
def test_the_settings_come_before_the_config_and_the_class_before_the_model_type(settings, config, tokens):
    assert tokenizer_class(settings, config).tokens.get("mask_token") == tokens
