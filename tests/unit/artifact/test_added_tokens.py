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


@pytest.mark.parametrize("extra", [["<ent>"], {"ent_token": "<ent>"}])
def test_extra_special_tokens_are_added_as_either_version_of_transformers_writes_them(opened, extra):
    tokenizer = opened(extra_special_tokens=extra).tokenizer
    assert tokenizer.encode("cat<ent>", add_special_tokens=False).tokens == ["cat", "<ent>"]
    assert tokenizer.decode([17, toys.VOCAB_SIZE], skip_special_tokens=True) == "cat"


def test_a_listed_token_that_the_settings_name_is_special(opened):
    listed = {"content": "cat", "special": False}
    tokenizer = opened(cls_token="cat", added_tokens_decoder={"17": listed}).tokenizer
    assert tokenizer.get_added_tokens_decoder()[17].special


def test_a_token_of_the_tokenizer_that_the_settings_name_is_special(opened):
    tokenizer = toys.word_piece()
    tokenizer.add_tokens(["<ent>"])
    decode = opened(tokenizer, additional_special_tokens=["<ent>"]).tokenizer.decode
    assert decode([17, toys.VOCAB_SIZE], skip_special_tokens=True) == "cat"


# Files beside the settings


@pytest.fixture
def beside(tmp_path):
    """Open the tokenizer of a folder with these settings and this file beside them."""

    def open_with(name, content, **settings):
        folder = toys.write_foreign(tmp_path / "model", settings=settings)
        (folder / name).write_text(json.dumps(content))
        return open_tokenizer(open_artifact(folder))

    return open_with


def test_added_tokens_json_lists_tokens_in_the_order_of_their_numbers(beside):
    added = {"<b>": toys.VOCAB_SIZE + 1, "<a>": toys.VOCAB_SIZE}
    tokenizer = beside("added_tokens.json", added, additional_special_tokens=["<b>"]).tokenizer
    assert tokenizer.encode("cat<a> <b>", add_special_tokens=False).ids == [17, toys.VOCAB_SIZE, toys.VOCAB_SIZE + 1]
    assert tokenizer.decode([17, *added.values()], skip_special_tokens=True) == "cat <a>"


def test_added_tokens_json_does_not_change_a_token_of_the_tokenizer(beside):
    tokenizer = beside("added_tokens.json", {"[OTHER]": 4})
    assert (tokenizer.mask_token_id, tokenizer.tokenizer.token_to_id("[OTHER]")) == (4, None)


@pytest.mark.parametrize("name", ["added_tokens.json", "special_tokens_map.json"])
def test_files_of_before_2023_do_not_count_beside_added_tokens_decoder(beside, name):
    content = {"<a>": toys.VOCAB_SIZE} if name == "added_tokens.json" else {"pad_token": "[SEP]", "cls_token": "<a>"}
    tokenizer = beside(name, content, added_tokens_decoder={})
    assert (tokenizer.pad_token_id, tokenizer.tokenizer.token_to_id("<a>")) == (0, None)


def test_the_special_tokens_map_comes_before_the_settings_otherwise(beside):
    tokens = {"pad_token": "[SEP]", "additional_special_tokens": ["<a>"]}
    tokenizer = beside("special_tokens_map.json", tokens, additional_special_tokens=["<b>"])
    assert tokenizer.pad_token_id == 3
    assert tokenizer.tokenizer.encode("<b><a>", add_special_tokens=False).tokens == ["<b>", "<a>"]


def test_the_padding_of_the_tokenizer_names_the_padding_token_where_no_setting_does(tmp_path):
    tokenizer = toys.word_piece()
    tokenizer.enable_padding(pad_id=3, pad_token="[SEP]")
    folder = toys.write_foreign(tmp_path / "model", tokenizer=tokenizer)
    for settings, expected in (({}, 3), ({"pad_token": "[PAD]"}, 0), ({"tokenizer_class": "BertTokenizer"}, 0)):
        (folder / "tokenizer_config.json").write_text(json.dumps({"mask_token": "[MASK]"} | settings))
        assert open_tokenizer(open_artifact(folder)).pad_token_id == expected
