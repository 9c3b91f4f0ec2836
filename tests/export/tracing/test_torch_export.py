"""torch.export traces a model at every length and batch size, or refuses it; transformers 4 or 5 beside it."""

import onnx_ir as ir
import pytest
import torch
from transformers import BertConfig, BertForMaskedLM

from fillmask_export.passes import make_lean
from fillmask_export.tracing.torch_export import write_plain
from tests.support.graphs import SIZES, input_names, operators, places, rows_at, run, texts
from tests.support.rounding import assert_rounded_alike, graph_bound

SMALL = {
    "vocab_size": 100,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
    "initializer_range": 0.4,
}


def small_bert():
    torch.manual_seed(0)
    return BertForMaskedLM._from_config(BertConfig(**SMALL), attn_implementation="eager").eval()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("traced") / "plain.onnx"
    write_plain(small_bert(), path)
    return path


@pytest.mark.parametrize(("batch", "length"), SIZES)
def test_the_logits_are_pytorchs_at_every_length_batch_and_padding(path, batch, length):
    feeds = texts(batch, length, SMALL["vocab_size"])
    with torch.no_grad():
        expected = small_bert()(**{name: torch.from_numpy(array) for name, array in feeds.items()}).logits.numpy()
    model = ir.load(path)
    there = feeds["attention_mask"].astype(bool)
    assert_rounded_alike(run(model, feeds)[there], expected[there], graph_bound(model, feeds))


def test_the_passes_make_of_it_what_they_make_of_optimums_trace(path):
    model = ir.load(path)
    assert input_names(model) == ["input_ids", "attention_mask", "token_type_ids"]
    passes = make_lean(model)
    assert (passes["token_types"], passes["tied_table"]) == ("dropped", "kept once")
    assert passes["fused_attention"] == "2 of 2"
    assert passes["rows_at_masks"] == "29 nodes at the masks only, 1 of them of attention"
    found = operators(model)
    assert {name: found[name] for name in ("Attention", "LayerNormalization", "Erf", "Transpose", "Reshape")} == {
        "Attention": 2, "LayerNormalization": 6, "Erf": 3, "Transpose": 0, "Reshape": 0,
    }  # fmt: skip
    assert found["MatMul"] + found["FusedMatMul"] == 2 * 6 + 2


def test_the_lean_graph_gives_the_rows_of_the_traced_one(path):
    lean, plain = ir.load(path), ir.load(path)
    make_lean(lean)
    feeds = texts(3, 40, SMALL["vocab_size"])
    positions = places(feeds, 4)
    rows = run(lean, feeds | {"mask_positions": positions})
    assert_rounded_alike(rows, rows_at(run(plain, feeds), positions), graph_bound(plain, feeds))


class Fixed(torch.nn.Module):
    """Adds a number a position, for sixteen positions."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(20, 8)
        self.positions = torch.nn.Parameter(torch.ones(16, 8))

    def forward(self, input_ids, attention_mask):
        embedded = self.table(input_ids) * attention_mask[..., None] + self.positions
        return type("Output", (), {"logits": embedded})


def test_a_model_of_one_length_is_refused(tmp_path):
    with pytest.raises(torch.onnx.OnnxExporterError, match="static shape of 16"):
        write_plain(Fixed().eval(), tmp_path / "plain.onnx")


class Typed(Fixed):
    """Without token types it takes type 1."""

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        typed = torch.ones_like(input_ids) if token_type_ids is None else token_type_ids
        return type("Output", (), {"logits": self.table(input_ids + typed) * attention_mask[..., None]})


def test_token_types_are_no_input_where_type_0_is_not_what_the_model_takes_without_them(tmp_path):
    write_plain(Typed().eval(), tmp_path / "plain.onnx")
    assert input_names(ir.load(tmp_path / "plain.onnx")) == ["input_ids", "attention_mask"]
