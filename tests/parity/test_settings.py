"""Settings beside a tokenizer that change its answers, each read as transformers reads it.

A folder of somebody else's may hold a tokenizer.json made with other settings than its tokenizer_config.json names.
"""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree

import pytest
from tokenizers import Tokenizer

from fillmask import FillMask
from tests.support.agreement import ask_engine, ask_reference, assert_agree
from tests.support.cases import TEXT, TWO_MASKS, Call

CALLS = [
    Call(TEXT),
    Call(TWO_MASKS, {"top_k": 2}),
    Call("É The CAFÉ 猫の , isn 't [MASK] ! 'm"),
    Call(TEXT, {"targets": ["Zanzibar", "Éa 猫", " the house"]}),
]
SETTINGS = [
    ("wordpiece", {"do_lower_case": False}),
    ("wordpiece", {"strip_accents": False}),
    ("wordpiece", {"tokenize_chinese_chars": False}),
    ("bytelevel", {"add_prefix_space": True}),
    ("bytelevel", {"truncation_side": "left"}),
    ("bytelevel", {"clean_up_tokenization_spaces": False}),
    ("bytelevel", {"model_max_length": 10**30}),
    ("unigram", {"clean_up_tokenization_spaces": True}),
    ("unigram", {"padding_side": "left"}),
    ("wordpiece_cased", {"pad_token": "[UNK]"}),
]

CLEAN_UP = {"clean_up_tokenization_spaces": True}
FORCED = {"clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": True}


@pytest.fixture
def edited(checkpoint_of, folder_of, tmp_path):
    """Changes a family's checkpoint and its engine folder alike, and asks both."""
    transformers = pytest.importorskip("transformers")

    def compare(family, edit):
        folders = {"reference": checkpoint_of(family), "engine": folder_of(family, "foreign")}
        for name, folder in folders.items():
            edit(copytree(folder, tmp_path / name, dirs_exist_ok=True))
        reference = transformers.pipeline("fill-mask", model=str(tmp_path / "reference"), device="cpu")
        engine = FillMask(tmp_path / "engine", threads=1)
        for call in CALLS:
            assert_agree(ask_engine(engine, call), ask_reference(reference, call))

    return compare


def test_5_does_not_clean_up_texts_of_bpe(edited):
    if pytest.importorskip("transformers").__version__ < "5":
        pytest.skip("transformers 4 does")
    edited("bytelevel", lambda folder: _edit_json(folder / "tokenizer_config.json", CLEAN_UP))
    edited("bytelevel", lambda folder: _edit_json(folder / "tokenizer_config.json", CLEAN_UP | FORCED))


@pytest.mark.parametrize(("family", "settings"), SETTINGS, ids=[f"{family}-{next(iter(s))}" for family, s in SETTINGS])
def test_a_setting_counts_as_in_transformers(edited, family, settings):
    edited(family, lambda folder: _edit_json(folder / "tokenizer_config.json", settings))


def test_truncation_and_padding_stored_with_the_tokenizer_do_not_count(edited):
    def edit(folder: Path) -> None:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.enable_truncation(6)
        tokenizer.enable_padding(length=30)
        tokenizer.save(str(folder / "tokenizer.json"))

    edited("unigram", edit)


def test_a_token_listed_only_beside_the_tokenizer_is_a_token(edited):
    token = {"content": "sleeps", "lstrip": True, "rstrip": True, "normalized": False, "single_word": False}

    def edit(folder: Path) -> None:
        listed = json.loads((folder / "tokenizer.json").read_text())["added_tokens"]
        added = {str(each.pop("id")): each for each in listed} | {"561": token | {"special": False}}
        _edit_json(folder / "tokenizer_config.json", {"added_tokens_decoder": added})

    edited("unigram", edit)


def _edit_json(path: Path, changes: dict[str, object]) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
