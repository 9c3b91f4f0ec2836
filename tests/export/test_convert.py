import errno

import pytest

from fillmask_export import convert as module
from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.convert import convert
from fillmask_export.errors import CheckpointError
from tests.support.architectures import make_checkpoint
from tests.support.graphs import input_names, run, texts


@pytest.fixture
def traced(tmp_path):
    """Traces a small checkpoint of an architecture."""

    def trace(name):
        return convert(open_checkpoint(make_checkpoint(name, tmp_path / "checkpoint")), tmp_path)

    return trace


@pytest.mark.parametrize("name", ["ernie", "layoutlm"])
def test_what_optimum_does_not_list_or_lists_with_more_than_texts_is_traced_on_texts_alone(traced, name):
    model = traced(name)
    assert input_names(model) == ["input_ids", "attention_mask"]
    assert run(model, texts(3, 7, 500)).shape[:2] == (3, 7)


def test_what_optimum_lists_is_traced_as_it_does(traced):
    assert input_names(traced("bert")) == ["input_ids", "attention_mask", "token_type_ids"]


def test_a_model_without_attention_mask_is_refused(traced):
    with pytest.raises(CheckpointError, match="FNetForMaskedLM takes no attention_mask, so that padding would count"):
        traced("fnet")


def fail(error):
    def export(*_, **__):
        raise error

    return export


def test_an_operator_that_onnx_does_not_have_is_a_refusal_with_the_reason(traced, monkeypatch):
    monkeypatch.setattr(module, "optimum_export", fail(RuntimeError("no aten::fft_rfft in opset 18\nand so on")))
    with pytest.raises(CheckpointError, match=r"^BertForMaskedLM cannot be traced to ONNX: no aten::fft_rfft in opset"):
        traced("bert")


def test_a_full_disk_is_no_fault_of_the_model(traced, monkeypatch):
    monkeypatch.setattr(module, "optimum_export", fail(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(OSError, match="No space left on device"):
        traced("bert")
