import onnx_ir as ir
import pytest

from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.tracing import find_tracer
from tests.support.architectures import make_checkpoint
from tests.support.graphs import input_names, run, texts

if find_tracer() != "optimum":
    pytest.skip("optimum's exporter needs transformers 4: pip install 'fillmask[optimum]'", allow_module_level=True)

from fillmask_export.tracing.optimum import write_plain


@pytest.mark.parametrize("name", ["ernie", "layoutlm"])
def test_what_optimum_does_not_list_or_lists_with_more_than_texts_is_traced_on_texts_alone(name, tmp_path):
    write_plain(open_checkpoint(make_checkpoint(name, tmp_path / "checkpoint")).model, tmp_path / "plain.onnx")
    model = ir.load(tmp_path / "plain.onnx")
    assert input_names(model) == ["input_ids", "attention_mask"]
    assert run(model, texts(3, 7, 500)).shape[:2] == (3, 7)
