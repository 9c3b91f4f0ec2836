import json

import pytest
import transformers

from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.errors import FidelityError
from fillmask_export.tokenizer_files import copy_tokenizer, save_tokenizer, write_tokenizer


def test_the_files_that_the_engine_reads_are_written_and_no_others(checkpoint, tmp_path):
    save_tokenizer(open_checkpoint(checkpoint), tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    beside = {"special_tokens_map.json"} if transformers.__version__ < "5" else set()
    assert names == {"config.json", "tokenizer.json", "tokenizer_config.json"} | beside


def test_which_inputs_the_tokenizer_gives_is_written_since_a_class_gives_others_in_another_version(
    checkpoint, tmp_path
):
    loaded = open_checkpoint(checkpoint)
    loaded.tokenizer.model_input_names = ["input_ids", "attention_mask"]
    save_tokenizer(loaded, tmp_path)
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text("utf-8"))
    assert settings["model_input_names"] == ["input_ids", "attention_mask"]


def test_where_the_saved_tokenizer_differs_the_checkpoints_own_files_are_written(checkpoint, tmp_path, monkeypatch):
    """tests/parity/test_drawn_exports.py has checkpoints whose tokenizer transformers does not save as it is."""
    outcomes = [FidelityError("differs"), {"texts": 1}]

    def check(*_):
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr("fillmask_export.tokenizer_files.check_tokenizer", check)
    assert write_tokenizer(open_checkpoint(checkpoint), tmp_path) == {"texts": 1}
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / name).read_bytes() == (checkpoint / name).read_bytes()


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
