"""One function traces a checkpoint with the tracer that goes with the installed packages, or refuses it."""

import errno
from importlib import import_module, metadata
from pathlib import Path

import onnx_ir as ir
import pytest
import transformers

from fillmask_export import tracing
from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.errors import CheckpointError
from fillmask_export.tracing import find_tracer, trace
from tests.support.architectures import make_checkpoint
from tests.support.graphs import input_names, run, texts


@pytest.fixture
def traced(tmp_path):
    """Traces a small checkpoint of an architecture."""

    def trace_one(name):
        return trace(open_checkpoint(make_checkpoint(name, tmp_path / "checkpoint")), tmp_path)

    return trace_one


@pytest.fixture
def installed(monkeypatch):
    """Replaces the versions of the installed packages."""

    def install(**packages):
        def version(name):
            if name.replace("-", "_") not in packages:
                raise metadata.PackageNotFoundError(name)
            return packages[name.replace("-", "_")]

        monkeypatch.setattr(tracing, "version", version)

    return install


@pytest.mark.parametrize(
    ("packages", "tracer"),
    [
        ({"transformers": "4.57.6", "optimum_onnx": "0.1.0"}, "optimum"),
        ({"transformers": "4.57.6"}, "torch.export"),
        ({"transformers": "5.24.0"}, "torch.export"),
        ({"transformers": "5.24.0", "optimum_onnx": "0.1.0"}, "torch.export"),  # against its own requirements
        ({"transformers": "10.0.0", "optimum_onnx": "0.1.0"}, "torch.export"),
    ],
    ids=str,
)
def test_optimum_traces_beside_transformers_4_alone(installed, packages, tracer):
    installed(**packages)
    assert find_tracer() == tracer


def test_a_traced_graph_names_no_path_of_the_machine(checkpoint_of, tmp_path):
    ir.save(trace(open_checkpoint(checkpoint_of("wordpiece")), tmp_path), tmp_path / "traced.onnx")
    content = (tmp_path / "traced.onnx").read_bytes()
    assert b".py" not in content
    assert str(Path(transformers.__file__).parents[1]).encode() not in content


def test_a_traced_graph_runs_at_other_lengths_than_the_traced_one(checkpoint_of, tmp_path):
    model = trace(open_checkpoint(checkpoint_of("wordpiece")), tmp_path)
    assert input_names(model) == ["input_ids", "attention_mask", "token_type_ids"]
    assert run(model, texts(3, 7, 500)).shape[:2] == (3, 7)


def test_a_model_without_attention_mask_is_refused(traced):
    with pytest.raises(CheckpointError, match="FNetForMaskedLM takes no attention_mask, so that padding would count"):
        traced("fnet")


@pytest.fixture
def fails(monkeypatch):
    """Makes the tracer fail."""

    def fail(error):
        def write_plain(*_):
            raise error

        module = {"optimum": "optimum", "torch.export": "torch_export"}[find_tracer()]
        monkeypatch.setattr(import_module(f"fillmask_export.tracing.{module}"), "write_plain", write_plain)

    return fail


def test_an_operator_that_onnx_does_not_have_is_a_refusal_with_the_reason(traced, fails):
    fails(RuntimeError("no aten::fft_rfft in opset 18\nand so on"))
    with pytest.raises(CheckpointError, match=r"^BertForMaskedLM cannot be traced to ONNX: no aten::fft_rfft in opset"):
        traced("bert")


def test_a_full_disk_is_no_fault_of_the_model(traced, fails):
    fails(OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(OSError, match="No space left on device"):
        traced("bert")
