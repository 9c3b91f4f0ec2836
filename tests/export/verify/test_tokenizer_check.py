import json
import unicodedata

import pytest
from transformers import AutoTokenizer

from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.errors import FidelityError
from fillmask_export.tokenizer_files import save_tokenizer
from fillmask_export.verify.tokenizer_check import HARD_TEXTS, check_tokenizer, texts_for


@pytest.fixture
def folder(checkpoint, tmp_path):
    save_tokenizer(open_checkpoint(checkpoint), tmp_path)
    return tmp_path


@pytest.fixture
def tokenizer(checkpoint):
    return AutoTokenizer.from_pretrained(checkpoint)


def test_the_engine_reads_and_writes_every_hard_text_as_transformers_does(folder, tokenizer):
    assert check_tokenizer(tokenizer, folder) == {"texts": len(texts_for(tokenizer))}


def test_the_hard_texts_are_hard():
    assert all(text.count("{}") == 1 for text in HARD_TEXTS)
    assert len(set(HARD_TEXTS)) == len(HARD_TEXTS) > 70
    characters = set("".join(HARD_TEXTS))
    assert {unicodedata.category(each) for each in characters} >= {
        "Mn",
        "Mc",
        "Cf",
        "Cc",
        "Co",
        "Cn",
        "Zs",
        "Zl",
        "Zp",
        "Lo",
    }
    assert {unicodedata.bidirectional(each) for each in characters} >= {"R", "AL", "NSM", "RLO"}
    assert max(map(ord, characters)) > 0xFFFF
    assert not [each for each in characters if unicodedata.category(each) == "Cs"]
    assert any(unicodedata.normalize("NFC", text) != text for text in HARD_TEXTS)
    assert any(unicodedata.normalize("NFD", text) != text for text in HARD_TEXTS)
    assert "\u200d" in characters
    assert max(map(len, HARD_TEXTS)) > 500


def change(folder, edit):
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text("utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_another_normalizer_is_found_out(folder, tokenizer):
    change(
        folder,
        lambda content: content.update(normalizer={"type": "Lowercase"}, pre_tokenizer={"type": "WhitespaceSplit"}),
    )
    with pytest.raises(FidelityError, match=r"the engine reads '.*' as \[.*\] and transformers as \["):
        check_tokenizer(tokenizer, folder)


def test_another_decoder_is_found_out(folder, tokenizer):
    change(folder, lambda content: content.update(decoder=None))
    with pytest.raises(FidelityError, match=r"the engine writes '.*' as '.*' and transformers as '"):
        check_tokenizer(tokenizer, folder)


def test_what_is_shown_of_a_text_is_short_and_plain(folder, tokenizer):
    change(
        folder,
        lambda content: content.update(normalizer={"type": "Lowercase"}, pre_tokenizer={"type": "WhitespaceSplit"}),
    )
    with pytest.raises(FidelityError) as raised:
        check_tokenizer(tokenizer, folder, [f"É{'日' * 500} {{}}"])
    assert str(raised.value).isascii() or "…" in str(raised.value)
    assert len(str(raised.value)) < 600
