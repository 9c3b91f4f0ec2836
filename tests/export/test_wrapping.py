"""A tokenizer of the Rust library in the class of transformers' fast ones; test_japanese.py has whole tokenizers."""

from types import SimpleNamespace

import pytest
from tokenizers import AddedToken, Tokenizer, models

from fillmask_export.errors import CheckpointError
from fillmask_export.wrapping import wrap


def in_python(added):
    """A tokenizer in Python, as far as it is read."""
    return SimpleNamespace(
        added_tokens_decoder=added, model_max_length=7, model_input_names=["input_ids"], truncation_side="left",
        clean_up_tokenization_spaces=False, mask_token="<mask>", unk_token="<unk>",
        bos_token=None, eos_token=None, sep_token=None, pad_token=None, cls_token=None,
    )  # fmt: skip


def word_level():
    return Tokenizer(models.WordLevel({"<unk>": 0, "a": 1}, unk_token="<unk>"))


def test_tokens_and_settings_are_those_of_the_other():
    added = {
        0: AddedToken("<unk>", special=True),
        2: AddedToken("<mask>", special=True),
        3: AddedToken("b", rstrip=True),
    }
    wrapped = wrap(word_level(), in_python(added), {"of_fillmask": 5})
    tokens = wrapped.backend_tokenizer.get_added_tokens_decoder()
    assert {token_id: token.content for token_id, token in tokens.items()} == {0: "<unk>", 2: "<mask>", 3: "b"}
    assert (tokens[2].special, tokens[3].special, tokens[3].rstrip, tokens[3].normalized) == (True, False, True, False)
    assert (wrapped.mask_token_id, wrapped.model_max_length, wrapped.truncation_side) == (2, 7, "left")
    assert wrapped.init_kwargs["of_fillmask"] == 5


def test_a_gap_behind_the_vocabulary_is_refused():
    with pytest.raises(CheckpointError, match="'b' has the id 9, which leaves a gap"):
        wrap(word_level(), in_python({9: AddedToken("b")}), {})
