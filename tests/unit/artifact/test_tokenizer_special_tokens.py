"""Special tokens that the settings name and tokenizer.json does not list; what is expected is what transformers 4.57
does with the same folder (PreTrainedTokenizerFast.from_pretrained)."""

import json

import pytest
from tokenizers import Tokenizer

from fillmask import FillMask
from fillmask.artifact.folder import open_artifact
from fillmask.artifact.tokenizer import open_tokenizer
from tests.support import toys


@pytest.fixture
def bare():
    """A tokenizer that has its special tokens in the vocabulary only, and so takes them apart."""
    tokenizer = Tokenizer.from_str(json.dumps(json.loads(toys.word_piece().to_str()) | {"added_tokens": []}))
    assert "[MASK]" not in tokenizer.encode("[MASK]").tokens
    return tokenizer


@pytest.fixture
def opened(tmp_path):
    """Open the tokenizer of a folder with this tokenizer and these settings."""

    def open_with(tokenizer=None, **settings):
        return open_tokenizer(
            open_artifact(toys.write_foreign(tmp_path / "model", tokenizer=tokenizer, settings=settings))
        )

    return open_with


@pytest.mark.parametrize("name", ["bos", "eos", "unk", "sep", "pad", "cls"])
def test_a_special_token_of_the_vocabulary_is_added_under_its_own_id(opened, bare, name):
    tokenizer = opened(bare, **{f"{name}_token": "[SEP]"}).tokenizer
    assert tokenizer.encode("cat[SEP][MASK]", add_special_tokens=False).tokens == ["cat", "[SEP]", "[MASK]"]
    assert tokenizer.get_vocab_size() == toys.VOCAB_SIZE
    assert {3, 4} <= {key for key, token in tokenizer.get_added_tokens_decoder().items() if token.special}


def test_a_mask_token_that_the_tokenizer_takes_apart_is_put_together(tmp_path, bare, foreign):
    settings = {"cls_token": "[CLS]", "sep_token": "[SEP]"}
    engine = FillMask(toys.write_foreign(tmp_path / "model", tokenizer=bare, settings=settings), threads=1)
    assert engine.mask_token_id == 4
    assert engine.predict("the [MASK] sat") == foreign.predict("the [MASK] sat")


def test_a_special_token_that_no_file_lists_is_added_behind_the_vocabulary(opened):
    tokenizer = opened(mask_token="[NEW]")
    assert tokenizer.mask_token_id == toys.VOCAB_SIZE
    assert tokenizer.tokenizer.encode("cat[NEW]").ids == [2, 17, toys.VOCAB_SIZE, 3]


def test_new_special_tokens_are_numbered_as_transformers_numbers_them(opened):
    # bos, eos, unk, sep, pad, cls, mask; not by the alphabet.
    tokenizer = opened(pad_token="<p>", mask_token="<m>", cls_token="<z>")
    numbered = [tokenizer.tokenizer.token_to_id(token) for token in ("<p>", "<z>", "<m>")]
    assert numbered == [toys.VOCAB_SIZE, toys.VOCAB_SIZE + 1, toys.VOCAB_SIZE + 2]
    assert tokenizer.mask_token_id == toys.VOCAB_SIZE + 2


def test_a_special_token_that_is_added_keeps_its_flags(opened, bare):
    mask = {"content": "[MASK]", "lstrip": True, "rstrip": False, "normalized": False, "single_word": False}
    added = opened(bare, mask_token=mask | {"__type": "AddedToken"}).tokenizer.get_added_tokens_decoder()
    assert added[4].lstrip


@pytest.mark.parametrize(
    ("token", "text", "tokens"), [("cat", "catdog", ["cat", "dog"]), ("<ent>", "cat<ent>", ["cat", "<ent>"])]
)
def test_additional_special_tokens_are_added_too(opened, token, text, tokens):
    tokenizer = opened(additional_special_tokens=[token]).tokenizer
    assert tokenizer.encode(text, add_special_tokens=False).tokens == tokens
