import json

import pytest
import transformers

from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.errors import FidelityError
from fillmask_export.tokenizer_files import copy_tokenizer, save_tokenizer, write_tokenizer
from fillmask_export.verify import tokenizer_check


def test_the_files_that_the_engine_reads_are_written_and_no_others(checkpoint, tmp_path):
    save_tokenizer(open_checkpoint(checkpoint), tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    beside = {"special_tokens_map.json"} if transformers.__version__ < "5" else set()
    assert names == {"config.json", "tokenizer.json", "tokenizer_config.json"} | beside


@pytest.fixture
def lossy(checkpoint_copy):
    """A checkpoint with an added token that is special in tokenizer.json, and in added_tokens.json besides."""
    path = checkpoint_copy / "tokenizer.json"
    content = json.loads(path.read_text("utf-8"))
    number = max(content["model"]["vocab"].values()) if isinstance(content["model"]["vocab"], dict) else 4
    word = next(word for word, token in content["model"]["vocab"].items() if token == number)
    flags = {"single_word": False, "lstrip": False, "rstrip": True, "normalized": False, "special": True}
    content["added_tokens"].append({"id": number, "content": word, **flags})
    path.write_text(json.dumps(content), "utf-8")
    (checkpoint_copy / "added_tokens.json").write_text(json.dumps({word: number}))
    settings = checkpoint_copy / "tokenizer_config.json"
    kept = {key: value for key, value in json.loads(settings.read_text()).items() if key != "added_tokens_decoder"}
    settings.write_text(json.dumps(kept))
    return checkpoint_copy


def test_flags_that_transformers_loses_when_it_saves_are_kept(lossy, tmp_path):
    loaded = open_checkpoint(lossy)
    (tmp_path / "out").mkdir()
    assert write_tokenizer(loaded, tmp_path / "out")["texts"] > len(tokenizer_check.HARD_TEXTS)
    assert (tmp_path / "out" / "tokenizer.json").read_bytes() == (lossy / "tokenizer.json").read_bytes()


def test_a_tokenizer_without_files_of_its_own_is_refused_if_it_differs(checkpoint, tmp_path, monkeypatch):
    loaded = open_checkpoint(checkpoint)
    loaded.tokenizer.name_or_path = str(tmp_path)
    (tmp_path / "out").mkdir()

    def refuse(*_):
        raise FidelityError("differs")

    monkeypatch.setattr("fillmask_export.tokenizer_files.check_tokenizer", refuse)
    with pytest.raises(FidelityError, match="differs"):
        write_tokenizer(loaded, tmp_path / "out")
    assert not copy_tokenizer(loaded, tmp_path / "out")
