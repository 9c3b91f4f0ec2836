import numpy as np
import pytest
from tokenizers import Tokenizer

from benchmarks.models.texts import Writer, lengths
from fillmask import FillMask
from fillmask.artifact.folder import EMBEDDED

TOKENIZER = Tokenizer.from_file(str(EMBEDDED / "tokenizer.json"))
TOKENIZER.no_truncation()


@pytest.fixture(scope="module")
def writer():
    return Writer(EMBEDDED, "[MASK]")


@pytest.mark.parametrize("tokens", [8, 32, 512])
def test_texts_have_their_number_of_tokens_and_one_mask(writer, tokens):
    texts = writer.write(tokens, 5)
    assert len(set(texts)) == 5
    for text in texts:
        assert len(TOKENIZER.encode(text).ids) == tokens
        assert text.split().count("[MASK]") == 1


def test_texts_are_the_same_each_time_and_others_for_another_seed(writer):
    assert writer.write(16, 3) == writer.write(16, 3) != writer.write(16, 3, seed=1)


def test_the_engine_answers_them(writer):
    (text,) = writer.write(512, 1)
    assert len(FillMask().predict(text, top_k=1)) == 1


def test_lengths_are_those_of_sentences():
    found = lengths(10_000)
    assert min(found) == 8
    assert max(found) <= 256
    assert 23 <= np.median(found) <= 25
    assert 70 <= np.percentile(found, 95) <= 82
    assert found[:5] == lengths(10_000)[:5] != lengths(10_000, seed=1)[:5]


def test_a_mix_has_those_lengths(writer):
    assert [len(TOKENIZER.encode(text).ids) for text in writer.mix(20)] == lengths(20)
