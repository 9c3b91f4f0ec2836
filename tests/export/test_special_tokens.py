"""The special tokens around a text are those that the tokenizer adds."""

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from fillmask_export.special_tokens import special_tokens_around


def test_they_stand_around_every_text(checkpoint):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    before, after = special_tokens_around(tokenizer)
    for text in ("the water", "a light of the table"):
        content = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert tokenizer(text)["input_ids"] == [*before, *content, *after]
    assert tokenizer.mask_token_id not in before + after


def test_a_model_of_proteins_has_its_own(proteins):
    assert special_tokens_around(proteins) == ([0], [2])


@pytest.mark.parametrize("mask", ["<mask>"])
def test_a_tokenizer_that_adds_none_has_none(mask):
    bare = Tokenizer(models.WordLevel({"a": 0, "?": 1, mask: 2}, unk_token="?"))
    bare.pre_tokenizer = pre_tokenizers.Whitespace()
    assert special_tokens_around(PreTrainedTokenizerFast(tokenizer_object=bare, mask_token=mask)) == ([], [])
