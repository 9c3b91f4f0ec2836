"""The tokenizers of checkpoints: which are taken, and which are refused and why."""

import json
import sys

import pytest
import transformers
from tokenizers import Tokenizer, models
from tokenizers.pre_tokenizers import PreTokenizer
from transformers import AutoTokenizer, EsmTokenizer, PerceiverTokenizer, PreTrainedTokenizerFast

from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.errors import CheckpointError

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")
# The class that takes tokenizer.json as it is. 5.24 makes a BertTokenizer anew from the vocabulary.
AS_IT_IS = {"tokenizer_class": "PreTrainedTokenizerFast", "model_input_names": ["input_ids", "token_type_ids"]}
IS_5 = transformers.__version__ >= "5"


class Jieba:
    """Stands for a splitter of words that is code."""

    def pre_tokenize(self, text):
        raise AssertionError


def refusal(folder):
    with pytest.raises(CheckpointError) as raised:
        open_checkpoint(folder)
    return str(raised.value)


def test_code_of_a_tokenizer_is_not_run(checkpoint_copy, tmp_path):
    ran = tmp_path / "was run"
    (checkpoint_copy / "custom.py").write_text(f"open({str(ran)!r}, 'w')\nTokenizer = None\n")
    path = checkpoint_copy / "tokenizer_config.json"
    changes = {"tokenizer_class": "Custom", "auto_map": {"AutoTokenizer": ["custom.Tokenizer", "custom.Tokenizer"]}}
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    if IS_5:
        assert open_checkpoint(checkpoint_copy).tokenizer.mask_token == "[MASK]"  # it takes tokenizer.json alone
    else:
        assert "cannot be loaded by AutoTokenizer" in refusal(checkpoint_copy)
    assert not ran.exists()


def test_a_tokenizer_without_a_mask_token_is_refused(checkpoint_copy):
    bare = PreTrainedTokenizerFast(tokenizer_file=str(checkpoint_copy / "tokenizer.json"), unk_token="[UNK]")
    for name in TOKENIZER_FILES:
        (checkpoint_copy / name).unlink(missing_ok=True)
    bare.save_pretrained(checkpoint_copy)
    assert "the tokenizer defines no mask token, so this is not a masked LM" in refusal(checkpoint_copy)


def test_a_tokenizer_that_exists_only_in_python_is_refused(checkpoint_copy):
    for name in TOKENIZER_FILES:
        (checkpoint_copy / name).unlink(missing_ok=True)
    PerceiverTokenizer().save_pretrained(checkpoint_copy)
    assert "has no fast tokenizer (tokenizer.json), which the engine needs" in refusal(checkpoint_copy)


def test_the_tokenizer_of_esm_is_made_a_fast_one(checkpoint_copy, tmp_path):
    for name in TOKENIZER_FILES:
        (checkpoint_copy / name).unlink(missing_ok=True)
    (tmp_path / "vocab.txt").write_text("\n".join(["<cls>", "<pad>", "<eos>", "<unk>", "A", "C", "D", "<mask>"]))
    EsmTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(checkpoint_copy)
    tokenizer = open_checkpoint(checkpoint_copy).tokenizer
    assert (tokenizer.is_fast, tokenizer("AC<mask>")["input_ids"]) == (True, [0, 4, 5, 7, 2])


def test_a_tokenizer_that_calls_python_is_refused(checkpoint_copy, monkeypatch):
    """As RoFormer's does, which splits Chinese with jieba; transformers saves another tokenizer in its place."""

    def load(*_, **__):
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(checkpoint_copy / "tokenizer.json"), mask_token="[MASK]")
        tokenizer.backend_tokenizer.pre_tokenizer = PreTokenizer.custom(Jieba())
        return tokenizer

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", load)
    message = refusal(checkpoint_copy)
    assert f"{PreTrainedTokenizerFast.__name__} has a part that is code, which tokenizer.json cannot hold" in message


def test_a_checkpoint_without_tokenizer_is_refused(checkpoint_copy):
    for name in TOKENIZER_FILES:
        (checkpoint_copy / name).unlink(missing_ok=True)
    assert str(checkpoint_copy) in refusal(checkpoint_copy)


def test_a_tokenizer_of_special_tokens_alone_is_refused(checkpoint_copy):
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "cls", "sep", "pad", "mask")}
    bare = Tokenizer(models.WordPiece({token: index for index, token in enumerate(names.values())}, unk_token="[UNK]"))
    PreTrainedTokenizerFast(tokenizer_object=bare, **names).save_pretrained(checkpoint_copy)
    assert "has no vocabulary: its tokenizer knows special tokens alone" in refusal(checkpoint_copy)


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    "settings",
    [{"tokenizer_class": "TokenizersBackend"}, {"tokenizer_class": "OfTomorrow"}, {"extra_special_tokens": ["the"]}],
)
def test_a_tokenizer_that_transformers_5_saved_is_loaded(checkpoint_copy, settings):
    edit(checkpoint_copy / "tokenizer_config.json", **settings)
    tokenizer = open_checkpoint(checkpoint_copy).tokenizer
    assert tokenizer.mask_token == "[MASK]"
    assert ("the" in tokenizer.all_special_tokens) == ("extra_special_tokens" in settings)


def test_a_tokenizer_without_an_unknown_token_is_refused(checkpoint_copy):
    content = json.loads((checkpoint_copy / "tokenizer.json").read_text())
    content["model"]["unk_token"] = "[ABSENT]"
    (checkpoint_copy / "tokenizer.json").write_text(json.dumps(content))
    edit(checkpoint_copy / "tokenizer_config.json", **AS_IT_IS)
    assert "needs an unknown token" in refusal(checkpoint_copy)


def test_a_template_with_token_types_is_refused(checkpoint_copy):
    content = json.loads((checkpoint_copy / "tokenizer.json").read_text())
    for part in content["post_processor"]["single"]:
        next(iter(part.values()))["type_id"] = 1
    (checkpoint_copy / "tokenizer.json").write_text(json.dumps(content))
    edit(checkpoint_copy / "tokenizer_config.json", **AS_IT_IS)
    assert "token types [1, 1, 1]" in refusal(checkpoint_copy)


def test_mecab_is_named_with_its_extra_where_it_is_missing(checkpoint_copy, monkeypatch):
    (checkpoint_copy / "tokenizer.json").unlink()
    (checkpoint_copy / "vocab.txt").write_text("[UNK]\n[MASK]\n", encoding="utf-8")
    edit(
        checkpoint_copy / "tokenizer_config.json", tokenizer_class="BertJapaneseTokenizer", word_tokenizer_type="mecab"
    )
    monkeypatch.setitem(sys.modules, "fugashi", None)
    assert "pip install '.[japanese]'" in refusal(checkpoint_copy)


def test_what_converts_a_sentencepiece_vocabulary_is_named_where_it_is_missing(checkpoint_copy, monkeypatch):
    (checkpoint_copy / "tokenizer.json").unlink()
    (checkpoint_copy / "vocab.txt").unlink(missing_ok=True)
    (checkpoint_copy / "spm.model").write_bytes(b"")
    edit(checkpoint_copy / "tokenizer_config.json", tokenizer_class="DebertaV2Tokenizer")
    monkeypatch.setattr("fillmask_export.checkpoint_tokenizer.find_spec", lambda _: None)
    assert "pip install sentencepiece tiktoken" in refusal(checkpoint_copy)
