"""BPE with ``@@``: ids, names and places of tokens. tests/export/test_at_signs.py compares them with transformers."""

import json

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from fillmask.artifact.at_signs import name_of, symbol_of
from fillmask.artifact.folder import Artifact
from fillmask.artifact.tokenizer import open_tokenizer
from fillmask.errors import ArtifactError

# "ab" is no token: it is what the merge to "abc" needs.
VOCAB = {"<unk>": 0, "<mask>": 1, "a": 2, "b": 3, "c</w>": 4, "abc</w>": 5, "ab": 6}
SETTINGS = {"at_sign_tokens": 6, "mask_token": "<mask>", "unk_token": "<unk>"}


@pytest.fixture
def opened(tmp_path):
    def write(**changes):
        model = models.BPE(VOCAB, [("a", "b"), ("ab", "c</w>")], unk_token="<unk>", end_of_word_suffix="</w>")
        tokenizer = Tokenizer(model)
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        tokenizer.add_special_tokens(["<unk>", "<mask>"])
        tokenizer.save(str(tmp_path / "tokenizer.json"))
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(SETTINGS | changes))
        (tmp_path / "config.json").write_text("{}")
        return open_tokenizer(Artifact(tmp_path, str(tmp_path), None, {}, {})).tokenizer

    return write


def test_a_symbol_that_is_no_token_is_unknown_where_it_stands(opened):
    encoding = opened().encode("abc abac <mask>")
    assert encoding.ids == [5, 0, 2, 4, 1]
    assert encoding.offsets == [(0, 3), (4, 6), (6, 7), (7, 8), (9, 15)]
    assert encoding.word_ids == [0, 1, 1, 1, 2]
    assert opened().encode_batch(["abc abac <mask>"]) == [encoding]
    assert [each.ids for each in opened().encode_batch_fast(["abc", "ab"])] == [[5], [2, 0]]


def test_tokens_have_the_names_of_the_vocabulary(opened):
    tokenizer = opened()
    assert tokenizer.get_vocab() == {"<unk>": 0, "<mask>": 1, "a@@": 2, "b@@": 3, "c": 4, "abc": 5}
    assert (tokenizer.token_to_id("abc"), tokenizer.token_to_id("ab@@"), tokenizer.id_to_token(2)) == (5, None, "a@@")
    assert tokenizer.get_vocab_size() == 6


def test_a_setting_of_the_wrong_type_is_refused(opened):
    with pytest.raises(ArtifactError, match="at_sign_tokens must be a whole number"):
        opened(at_sign_tokens="6")


@pytest.mark.parametrize(("name", "symbol"), [("ab@@", "ab"), ("ab", "ab</w>"), ("@@", "@@</w>"), ("@@@", "@")])
def test_a_name_is_that_of_a_symbol(name, symbol):
    assert symbol_of(name) == symbol
    assert name_of(symbol) == name
