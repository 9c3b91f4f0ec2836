"""The fast tokenizer of ESM beside transformers' own, which exists in Python only."""

import random

import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from fillmask_export.esm import fast_esm
from tests.support.architectures import AMINO_ACIDS, ARCHITECTURES, make_tokenizer

PARTS = [*AMINO_ACIDS, *"Jxl \n\té日<>", "<mask>", "<cls>", "<eos>", "<pad>", "<null_1>", "<unk>", "  ", " <mask> "]


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    folder = tmp_path_factory.mktemp("esm")
    make_tokenizer(ARCHITECTURES["esm"], folder).save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def fast(slow):
    return fast_esm(slow)


@pytest.fixture(scope="module")
def sequences():
    chooser = random.Random(0)
    return ["".join(chooser.choices(PARTS, k=chooser.randint(0, 20))) for _ in range(1000)]


def test_every_text_has_the_same_tokens(slow, fast, sequences):
    assert not slow.is_fast
    assert fast.is_fast
    for text in sequences:
        assert fast(text)["input_ids"] == slow(text)["input_ids"], text


@pytest.mark.parametrize("skip", [False, True])
def test_tokens_are_the_same_text(slow, fast, sequences, skip):
    for text in sequences:
        ids = slow(text)["input_ids"]
        assert fast.decode(ids, skip_special_tokens=skip) == slow.decode(ids, skip_special_tokens=skip)


def test_special_tokens_and_limits_are_kept(slow, fast):
    for name in ("all_special_tokens", "mask_token_id", "pad_token_id", "model_max_length", "model_input_names"):
        assert getattr(fast, name) == getattr(slow, name)
    assert len(fast) == len(slow)


def test_it_can_be_saved(fast):
    assert Tokenizer.from_str(fast.backend_tokenizer.to_str()).encode("MK<mask>").ids == fast("MK<mask>")["input_ids"]


def test_a_tokenizer_without_an_end_ends_with_the_text(slow, tmp_path):
    slow.save_pretrained(tmp_path)
    endless = type(slow)(str(tmp_path / "vocab.txt"), eos_token=None)
    assert fast_esm(endless)("MKL")["input_ids"] == endless("MKL")["input_ids"]
