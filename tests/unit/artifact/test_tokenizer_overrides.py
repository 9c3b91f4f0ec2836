import json

import pytest
from tokenizers import AddedToken, Tokenizer, normalizers

from fillmask.artifact.folder import open_artifact
from fillmask.artifact.tokenizer import open_tokenizer
from fillmask.artifact.tokenizer_classes import tokenizer_class
from fillmask.artifact.tokenizer_overrides import override
from tests.support import toys

BERT = {"tokenizer_class": "BertTokenizer"}


def cased() -> Tokenizer:
    tokenizer = toys.word_piece()
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False, clean_text=False)
    return tokenizer


def normalizer(tokenizer, settings, config=None):
    override(tokenizer, settings, tokenizer_class(settings, config or {}))
    return json.loads(tokenizer.normalizer.__getstate__())


@pytest.mark.parametrize("name", ["BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "MPNetTokenizerFast"])
def test_a_tokenizer_like_berts_takes_its_normalizer_from_the_settings(name):
    settings = {"tokenizer_class": name, "do_lower_case": False, "strip_accents": True}
    state = normalizer(toys.word_piece(), settings)
    assert (state["lowercase"], state["strip_accents"], state["handle_chinese_chars"]) == (False, True, True)


def test_what_the_settings_leave_out_is_berts_default_and_cleaning_stays():
    state = normalizer(cased(), BERT)
    assert (state["lowercase"], state["strip_accents"], state["clean_text"]) == (True, None, False)


def test_chinese_characters_are_kept_together_where_the_settings_say_so():
    assert normalizer(cased(), BERT | {"tokenize_chinese_chars": False})["handle_chinese_chars"] is False


def test_the_model_type_names_the_class_where_the_settings_do_not():
    assert normalizer(cased(), {}, {"model_type": "bert"})["lowercase"] is True


@pytest.mark.parametrize(
    ("settings", "config"),
    [
        ({}, {}),
        ({"do_lower_case": True}, {}),
        ({"tokenizer_class": "PreTrainedTokenizerFast"}, {"model_type": "bert"}),
        ({}, {"model_type": "roberta"}),
        ({}, {"model_type": "bert", "tokenizer_class": "PreTrainedTokenizerFast"}),
        ({"tokenizer_class": "TokenizersBackend"}, {"model_type": "bert", "tokenizer_class": "BertTokenizer"}),
    ],
)
def test_another_class_keeps_the_normalizer_of_its_file(settings, config):
    assert normalizer(cased(), settings, config)["lowercase"] is False


@pytest.mark.parametrize(("settings", "first"), [({}, "cat"), ({"add_prefix_space": True}, "Ġcat")])
@pytest.mark.parametrize("stored", [True, False])
def test_the_space_before_a_byte_level_text_is_the_settings_choice(settings, first, stored):
    content = json.loads(toys.byte_level().to_str())
    content["pre_tokenizer"]["add_prefix_space"] = stored
    tokenizer = Tokenizer.from_str(json.dumps(content))
    override(tokenizer, settings, tokenizer_class(settings | {"tokenizer_class": "RobertaTokenizer"}, {}))
    assert tokenizer.encode("cat", add_special_tokens=False).tokens == [first]


@pytest.mark.parametrize("named", [{}, {"tokenizer_class": "PreTrainedTokenizerFast"}, {"tokenizer_class": "Unknown"}])
@pytest.mark.parametrize(("stored", "first"), [(True, "Ġcat"), (False, "cat")])
def test_of_a_class_that_is_not_known_it_is_the_files_as_transformers_5_reads_it(named, stored, first):
    content = json.loads(toys.byte_level().to_str())
    content["pre_tokenizer"]["add_prefix_space"] = stored
    tokenizer = Tokenizer.from_str(json.dumps(content))
    settings = named | {"add_prefix_space": not stored}
    override(tokenizer, settings, tokenizer_class(settings, {}))
    assert tokenizer.encode("cat", add_special_tokens=False).tokens == [first]


def test_a_tokenizer_without_these_parts_is_left_alone():
    tokenizer = toys.word_piece()
    tokenizer.normalizer = None
    before = tokenizer.to_str()
    override(tokenizer, BERT, tokenizer_class(BERT, {}))
    assert tokenizer.to_str() == before


def test_an_added_token_is_normalized_as_the_file_says_and_text_as_the_settings_do(tmp_path):
    """transformers sets the normalizer behind the added tokens, whose form stays as it was."""
    tokenizer = cased()
    tokenizer.add_tokens([AddedToken("CAT", normalized=True)])
    opened = open_tokenizer(open_artifact(toys.write_foreign(tmp_path / "model", tokenizer=tokenizer, settings=BERT)))
    assert opened.tokenizer.encode("CAT Dog", add_special_tokens=False).tokens == ["cat", "dog"]


def test_a_tokenizer_of_transformers_5_keeps_the_prefix_space_of_its_file():
    content = json.loads(toys.byte_level().to_str())
    content["pre_tokenizer"]["add_prefix_space"] = True
    tokenizer = Tokenizer.from_str(json.dumps(content))
    override(tokenizer, {}, tokenizer_class({"tokenizer_class": "TokenizersBackend"}, {}))
    assert tokenizer.encode("cat", add_special_tokens=False).tokens == ["Ġcat"]
