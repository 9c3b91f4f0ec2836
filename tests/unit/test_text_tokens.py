from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillmask import FillMask, TextError
from fillmask.encoding import PLACEHOLDERS
from fillmask.spans import trace
from fillmask.text_tokens import tokenize
from tests.support import toys
from tests.support.toys import PROPERTY

GOLDEN = Path(__file__).parents[1] / "golden"
FAMILIES = sorted(path.parent.name for path in GOLDEN.glob("*/model"))
CHARACTERS = st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")
PIECES = [*PLACEHOLDERS, " ", "the", "isn't", "日本", "e\u0301", "[SEP]", "</s>"]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(CHARACTERS, max_size=3), max_size=12).map("".join)


@cache
def model(family, *, placeholders=True):
    return FillMask(GOLDEN / family / "model", threads=1, placeholders=placeholders).model


def tokens(family, text):
    return [
        model(family).tokenizer.tokenizer.id_to_token(token) for token in tokenize(model(family), text).ids.tolist()
    ]


@PROPERTY
@given(st.sampled_from(FAMILIES), TEXTS)
def test_the_ids_are_those_of_encode_without_placeholders(family, text):
    encoded = tokenize(model(family), text)
    ids = [*encoded.head.tolist(), *encoded.ids.tolist(), *encoded.tail.tolist()]
    assert ids == model(family, placeholders=False).encoder.encode(text).tolist()
    assert len(encoded.spans) == len(encoded.word_ids) == encoded.ids.size


def test_a_special_token_inside_the_text_is_one_of_its_tokens():
    assert "[SEP]" in tokens("wordpiece", "the [SEP] the")
    assert tokenize(model("wordpiece"), "[SEP]").ids.size == 1


def test_the_template_is_told_apart_by_position():
    encoded = tokenize(model("wordpiece"), "")
    assert (encoded.ids.size, encoded.head.size, encoded.tail.size) == (0, 1, 1)


def test_a_mask_is_a_word_of_its_own():
    encoded = tokenize(model("wordpiece"), "the [MASK]s")
    assert len(set(encoded.word_ids)) == encoded.ids.size


@pytest.mark.parametrize("text", [3, "a\0", "\ud800"])
def test_what_is_no_text_is_refused(text):
    with pytest.raises(TextError):
        tokenize(model("wordpiece"), text)


def test_a_token_that_the_model_does_not_score_is_refused(tmp_path):
    graph = toys.foreign_graph([table[:, :10] for table in toys.tables()])
    small = FillMask(toys.write_foreign(tmp_path / "model", {"model.onnx": graph}), threads=1).model
    assert tokenize(small, "the").ids.size == 1
    with pytest.raises(TextError, match=r"the text has the token .*, the model scores 10 tokens"):
        tokenize(small, "the cat")


def test_only_the_models_own_mask_is_a_mask():
    for family in FAMILIES:
        own = model(family).tokenizer.mask_token
        for text in PLACEHOLDERS:
            ids = tokenize(model(family), text).ids.tolist()
            assert (model(family).tokenizer.mask_token_id in ids) == (text == own)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("text", ["the keys " * 120, "日本 isn't " * 12])
def test_a_long_text_is_a_batch_which_releases_the_gil_and_keeps_its_places(family, text):
    whole = model(family)
    batches = SimpleNamespace(encode_batch=whole.tokenizer.tokenizer.encode_batch)
    found = tokenize(replace(whole, tokenizer=whole.tokenizer._replace(tokenizer=batches)), text)
    encoding = whole.tokenizer.tokenizer.encode(text)
    inner = slice(found.head.size, len(encoding.ids) - found.tail.size)
    assert [*found.head.tolist(), *found.ids.tolist(), *found.tail.tolist()] == encoding.ids
    assert found.spans == trace(text, encoding.offsets[inner])
    assert found.word_ids == encoding.word_ids[inner]
