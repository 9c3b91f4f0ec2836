"""Which tokenizers that exist in Python only have a fast version."""

import pytest
from transformers import PerceiverTokenizer, PhobertTokenizer, PreTrainedTokenizerFast

from fillmask_export.errors import CheckpointError
from fillmask_export.python_tokenizers import fast_version
from tests.support.at_signs import write_at_signs
from tests.support.training import train


def test_a_fast_tokenizer_is_its_own():
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=train("wordpiece"))
    assert fast_version(tokenizer) is tokenizer


def test_phobert_has_one(tmp_path):
    assert fast_version(PhobertTokenizer(*write_at_signs(tmp_path))).is_fast


def test_another_is_refused():
    with pytest.raises(CheckpointError, match=r"has no fast tokenizer .*: its tokenizer reads bytes in Python"):
        fast_version(PerceiverTokenizer())
