"""Texts of a wanted number of tokens."""

import json

import pytest

from fillmask import FillMask, InputError
from fillmask.artifact.folder import EMBEDDED, open_artifact
from fillmask.artifact.tokenizer import open_tokenizer
from fillmask.bench.texts import Texts, lengths
from tests.support import toys


@pytest.mark.parametrize("tokens", [3, 16, 64, 512])
def test_texts_have_as_many_tokens_as_wanted_and_one_mask(tokens):
    texts, tokenizer = Texts(open_artifact(None)).of(tokens), open_tokenizer(open_artifact(None)).tokenizer
    assert [len(tokenizer.encode(text).ids) for text in texts] == [tokens] * 4
    assert {text.count("[MASK]") for text in texts} == {1}
    assert len(set(texts)) == (4 if tokens > 3 else 1)


def test_words_are_those_of_the_stored_answers():
    stored = json.loads((EMBEDDED / "fillmask.json").read_text())["variants"]["int8"]["expected"]
    known = {word for answer in stored for word in answer["text"].split()}
    assert set(" ".join(Texts(open_artifact(None)).of(64)).split()) <= known


def test_a_model_without_stored_answers_gets_english(foreign_folder, foreign):
    (text, *_) = Texts(open_artifact(foreign_folder)).of(16)
    assert foreign.predict(text)
    assert "the" in text.split()


def test_a_language_without_spaces_is_put_together_from_characters(native_copy):
    entry = {"file": "model_int8.onnx", "tolerance": 1e-4, "expected": [{"text": "catsatonthe[MASK]matthecatsat"}]}
    toys.write_manifest(native_copy, variants={"int8": entry})
    texts = Texts(open_artifact(native_copy)).of(12)
    tokenizer = FillMask(native_copy, variant="int8", threads=1).model.tokenizer.tokenizer
    assert {len(tokenizer.encode(text).ids) for text in texts} == {12}


def test_usual_lengths_end_where_the_model_does():
    assert lengths(512) == lengths(10**9) == [16, 64, 128, 512]
    assert lengths(100) == [16, 64, 100]
    assert lengths(12) == [12]


@pytest.mark.parametrize("wanted", [2, 513])
def test_a_length_that_the_model_does_not_take_is_refused(wanted):
    with pytest.raises(InputError, match=f"from 3 to 512 tokens.*got {wanted}"):
        lengths(512, [16, wanted])
    assert lengths(512, [64, 3, 64]) == [3, 64]
