import json
import os
import pickle
import re

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    BertConfig,
    BertModel,
    ElectraConfig,
    ElectraForMaskedLM,
    ElectraForPreTraining,
    EsmConfig,
    EsmForMaskedLM,
    EsmTokenizer,
)

from fillmask.artifact.folder import EMBEDDED
from fillmask.errors import FillMaskError
from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.config_keys import refuse_unknown_keys
from fillmask_export.errors import CheckpointError

TINY = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 64, "vocab_size": 560}


class Malicious:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def set_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def pickle_weights(folder):
    """Turn the weights into a pickle, as old checkpoints have them."""
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def refusal(folder, **options):
    """What open_checkpoint says when it refuses."""
    with pytest.raises(CheckpointError) as raised:
        open_checkpoint(folder, **options)
    assert isinstance(raised.value, FillMaskError)
    assert isinstance(raised.value, ValueError)
    return str(raised.value)


def test_a_checkpoint_is_loaded_for_evaluation_and_in_fp32(checkpoint, family):
    opened = open_checkpoint(checkpoint)
    assert opened.architecture.endswith("ForMaskedLM")
    assert not opened.model.training
    assert {parameter.dtype for parameter in opened.model.parameters()} == {torch.float32}
    assert opened.model.config._attn_implementation == "eager"
    assert (opened.source, opened.revision) == (family, None)
    assert opened.tokenizer.is_fast


def test_a_checkpoint_in_half_precision_is_loaded_in_fp32(checkpoint_copy):
    model = open_checkpoint(checkpoint_copy).model.half()
    model.save_pretrained(checkpoint_copy)
    assert {parameter.dtype for parameter in open_checkpoint(checkpoint_copy).model.parameters()} == {torch.float32}


def test_an_encoder_without_a_head_is_refused(checkpoint_copy):
    BertModel(BertConfig(**TINY)).save_pretrained(checkpoint_copy)
    message = refusal(checkpoint_copy)
    assert re.search(
        r"lacks \d weights of BertForMaskedLM, cls\.predictions\.bias for one; they would be random", message
    )
    assert "needs its masked-LM head" in message


def test_an_electra_discriminator_is_refused_and_the_generator_named(checkpoint_copy):
    ElectraForPreTraining(ElectraConfig(**TINY, embedding_size=16)).save_pretrained(checkpoint_copy)
    message = refusal(checkpoint_copy)
    assert "weights of ElectraForMaskedLM, generator_" in message
    assert "of ELECTRA the generator" in message


def test_an_electra_generator_is_loaded(checkpoint_copy):
    ElectraForMaskedLM(ElectraConfig(**TINY, embedding_size=16)).save_pretrained(checkpoint_copy)
    assert open_checkpoint(checkpoint_copy).architecture == "ElectraForMaskedLM"


def test_weights_of_another_size_are_refused(checkpoint_copy):
    set_config(checkpoint_copy, vocab_size=600)
    assert str(checkpoint_copy) in refusal(checkpoint_copy)


def test_pickled_weights_are_refused_and_the_way_out_is_named(checkpoint_copy):
    message = refusal(pickle_weights(checkpoint_copy))
    assert "pytorch_model.bin, which can run code when it is loaded" in message
    assert "allow_pickle=True (--allow-pickle)" in message


def test_pickled_weights_are_read_where_it_is_allowed(checkpoint_copy, checkpoint_of):
    expected = open_checkpoint(checkpoint_of("wordpiece")).model.state_dict()
    got = open_checkpoint(pickle_weights(checkpoint_copy), allow_pickle=True).model.state_dict()
    assert expected.keys() == got.keys()
    assert all(torch.equal(expected[name], got[name]) for name in expected)


@pytest.mark.parametrize("allow_pickle", [False, True])
@pytest.mark.parametrize("container", ["torch.save", "bare pickle"])
@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
def test_a_malicious_pickle_is_never_run(checkpoint_copy, tmp_path, allow_pickle, container):
    (checkpoint_copy / "model.safetensors").unlink()
    planted = {"cls.predictions.bias": Malicious(tmp_path / "was run")}
    if container == "torch.save":
        torch.save(planted, checkpoint_copy / "pytorch_model.bin")
    else:
        (checkpoint_copy / "pytorch_model.bin").write_bytes(pickle.dumps(planted, protocol=2))
    assert str(checkpoint_copy) in refusal(checkpoint_copy, allow_pickle=allow_pickle)
    assert not (tmp_path / "was run").exists()


def test_the_planted_pickle_would_run_if_it_were_simply_loaded(tmp_path):
    pickle.loads(pickle.dumps(Malicious(tmp_path / "was run"))).close()
    assert (tmp_path / "was run").exists()


def test_a_pickle_beside_safetensors_is_not_touched(checkpoint_copy, tmp_path):
    torch.save({"x": Malicious(tmp_path / "was run")}, checkpoint_copy / "pytorch_model.bin")
    assert open_checkpoint(checkpoint_copy, allow_pickle=True).architecture == "BertForMaskedLM"
    assert not (tmp_path / "was run").exists()


@pytest.mark.parametrize("model_type", ["bert", "one-of-their-own"])
def test_a_checkpoint_with_code_of_its_own_is_refused_and_the_code_not_run(checkpoint_copy, tmp_path, model_type):
    ran = tmp_path / "was run"
    (checkpoint_copy / "custom.py").write_text(f"open({str(ran)!r}, 'w')\nConfig = Model = None\n")
    auto_map = {"AutoConfig": "custom.Config", "AutoModelForMaskedLM": "custom.Model"}
    set_config(checkpoint_copy, auto_map=auto_map, model_type=model_type)
    message = refusal(checkpoint_copy)
    assert "code" in message
    assert str(checkpoint_copy) in message
    assert not ran.exists()


def test_an_architecture_without_a_masked_lm_head_is_refused_and_those_with_one_are_named(checkpoint_copy):
    set_config(checkpoint_copy, model_type="gpt2")
    message = refusal(checkpoint_copy)
    assert "is of type gpt2, which transformers gives no masked-LM head; it gives one to albert, bart, bert," in message


def test_an_architecture_that_transformers_does_not_know_is_refused(checkpoint_copy):
    set_config(checkpoint_copy, model_type="one-of-their-own")
    assert "model type `one-of-their-own` but Transformers does not recognize" in refusal(checkpoint_copy)


@pytest.mark.parametrize(("model_type", "reason"), [("mra", "CUDA kernel"), ("reformer", "random numbers")])
def test_an_architecture_whose_predictions_mean_nothing_is_refused(checkpoint_copy, model_type, reason):
    set_config(checkpoint_copy, model_type=model_type)
    assert reason in refusal(checkpoint_copy)


def test_a_folder_without_configuration_is_refused(checkpoint_copy):
    (checkpoint_copy / "config.json").unlink()
    message = f"{checkpoint_copy} holds no config.json; a checkpoint is what save_pretrained writes"
    assert message in refusal(checkpoint_copy)


def test_a_folder_without_weights_is_refused(checkpoint_copy):
    (checkpoint_copy / "model.safetensors").unlink()
    message = f"{checkpoint_copy} holds no weights: neither model.safetensors nor pytorch_model.bin"
    assert message in refusal(checkpoint_copy)


def test_an_exported_model_folder_is_refused_as_one():
    assert f"{EMBEDDED} is an exported model folder; export the checkpoint that it was made from" in refusal(EMBEDDED)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", "{"),
        ("config.json", "[]"),
        ("config.json", "{}"),
        ("tokenizer.json", "{"),
        ("tokenizer.json", "{}"),
        ("model.safetensors", ""),
        ("model.safetensors", "\x10\0\0\0\0\0\0\0{}"),
    ],
)
def test_a_broken_file_is_refused_with_the_checkpoints_path(checkpoint_copy, name, content):
    (checkpoint_copy / name).write_text(content)
    message = refusal(checkpoint_copy)
    assert str(checkpoint_copy) in message
    assert "\n" not in message


@pytest.mark.slow
def test_what_is_neither_a_folder_nor_in_the_hubs_cache_is_refused(tmp_path):
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    for missing in (str(tmp_path / "missing"), "fillmask-tests/no-such-model", "no id at all"):
        message = refusal(missing)
        assert message.startswith(f"{missing!r} is not a folder, and the hub model cannot be had: ")
        assert "\n" not in message


def test_what_transformers_logs_is_as_loud_afterwards_as_before(checkpoint):
    from transformers.utils import logging

    before = logging.get_verbosity()
    open_checkpoint(checkpoint)
    assert logging.get_verbosity() == before


# Weights and keys that transformers passes over


def without(folder, *parts):
    weights = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if not any(part in name for part in parts)}
    assert len(kept) < len(weights)
    save_file(kept, folder / "model.safetensors", {"format": "pt"})


@pytest.fixture
def esm(tmp_path):
    """A rotary ESM, with a contact head and a table of positions that a masked LM does not use."""
    folder = tmp_path / "esm"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(["<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERT", "<mask>"]))
    tokenizer = EsmTokenizer(str(folder / "vocab.txt"))
    config = EsmConfig(**TINY | {"vocab_size": 13}, position_embedding_type="rotary", pad_token_id=1, mask_token_id=12)
    EsmForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_weights_that_no_fill_mask_uses_may_be_missing(esm):
    expected = open_checkpoint(esm).model
    without(esm, "contact_head", "position_embeddings")
    model, ids = open_checkpoint(esm).model, torch.tensor([[0, 4, 12, 5, 2]])
    with torch.no_grad():
        assert torch.equal(model(input_ids=ids).logits, expected(input_ids=ids).logits)


@pytest.mark.parametrize("part", ["lm_head.dense", "layer.0.attention.self.query.bias"])
def test_a_weight_that_is_used_may_not(esm, part):
    without(esm, part, "contact_head")
    message = refusal(esm)
    assert part in message
    assert "contact_head" not in message


def modernbert(folder, **changes):
    """A config.json of ModernBERT as transformers 5 writes it."""
    thetas = {"full_attention": 160000.0, "sliding_attention": 10000.0}
    ropes = {kind: {"rope_theta": theta, "rope_type": "default"} for kind, theta in thetas.items()}
    kinds = ["full_attention", "sliding_attention"]
    known = {"model_type": "modernbert", "num_hidden_layers": 2, "layer_types": kinds, "rope_parameters": ropes}
    (folder / "config.json").write_text(json.dumps(known | changes))
    return folder


@pytest.mark.skipif(transformers.__version__ >= "5", reason="transformers 5 reads these keys")
def test_keys_of_a_newer_transformers_that_change_the_model_are_refused_by_name(checkpoint_copy):
    changes = {"rope_parameters": {"full_attention": {"rope_theta": 5e5, "rope_type": "default"}}}
    assert "layer_types and rope_parameters, which the installed" in refusal(modernbert(checkpoint_copy, **changes))


def test_they_are_taken_where_they_say_what_this_version_takes_without_them(checkpoint_copy):
    folder = modernbert(checkpoint_copy)
    refuse_unknown_keys(AutoConfig.from_pretrained(folder), folder)
