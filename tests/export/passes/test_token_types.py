import numpy as np
import pytest

from fillmask_export.passes.token_types import drop_token_types
from fillmask_export.tracing import find_tracer
from tests.support.graphs import SIZES, input_names, operators, parse, run, texts, weights
from tests.support.rounding import assert_rounded_alike, graph_bound

TYPED = """plain (int64[b,s] input_ids, int64[b,s] token_type_ids) => (float[b,s,v] logits) {
    words = Gather(table, input_ids)
    READER
    logits = Add(words, kind)
}"""
LOOKUP = "kind = Gather(types, token_type_ids)"
CAST = "number = Cast<to=1>(token_type_ids) kind = Unsqueeze(number, last)"
BOTH = """looked = Gather(types, token_type_ids)
    number = Cast<to=1>(token_type_ids) column = Unsqueeze(number, last) kind = Add(looked, column)"""


def typed(reader):
    model = TYPED.replace("READER", reader)
    arrays = {"table": weights(20, 8), "types": weights(2, 8), "last": np.array([-1])}
    return parse(model, **{name: array for name, array in arrays.items() if name in model})


def test_bert_loses_its_token_types_and_others_had_none(plain, untouched, family):
    had = "token_type_ids" in input_names(untouched)
    types = {"optimum": {"wordpiece"}, "torch.export": {"wordpiece", "bytelevel", "unigram"}}[find_tracer()]
    assert had == (family in types)
    assert drop_token_types(plain) == ("dropped" if had else "not there")
    assert input_names(plain) == ["input_ids", "attention_mask"]
    assert operators(untouched)["Gather"] - operators(plain)["Gather"] == had


@pytest.mark.parametrize(("batch", "length"), SIZES)
def test_the_logits_are_those_of_texts_whose_tokens_are_all_of_type_0(plain, untouched, batch, length):
    drop_token_types(plain)
    feeds = texts(batch, length, 560)
    assert_rounded_alike(run(plain, feeds), run(untouched, feeds), graph_bound(untouched, feeds))


def test_a_lookup_is_replaced_by_row_0_to_the_bit():
    model, feeds = typed(LOOKUP), texts(3, 7, 20)
    assert drop_token_types(model) == "dropped"
    assert "types" not in model.graph.initializers
    np.testing.assert_array_equal(run(model, feeds), run(typed(LOOKUP), feeds))


@pytest.mark.parametrize("reader", [CAST, BOTH])
def test_token_types_that_something_else_reads_stay(reader):
    model, feeds = typed(reader), texts(3, 7, 20)
    assert drop_token_types(model) == "left in place: Cast reads it"
    assert input_names(model) == ["input_ids", "token_type_ids"]
    assert_rounded_alike(run(model, feeds), run(typed(reader), feeds), graph_bound(typed(reader), feeds))
