import numpy as np
import pytest

from fillmask_export.passes.weights import transpose_weights
from tests.support.graphs import PLAIN, operators, parse, run, texts, weights

HEAD = "{ words = Gather(table, input_ids) turned = Transpose<perm=[1, 0]>(table) logits = MatMul(words, turned) }"


@pytest.mark.parametrize("perm", ["<perm=[1, 0]>", ""], ids=["given", "the usual one"])
def test_a_transposed_weight_is_stored_as_it_is_read(perm):
    text = PLAIN + HEAD.replace("<perm=[1, 0]>", perm)
    model, feeds = parse(text, table=weights(20, 8)), texts(3, 7, 20)
    assert transpose_weights(model) == "1 of 1"
    assert operators(model) == {"Gather": 1, "MatMul": 1}
    np.testing.assert_array_equal(run(model, feeds), run(parse(text, table=weights(20, 8)), feeds))


def test_a_transposed_tensor_of_the_text_stays():
    text = PLAIN + "{ words = Gather(table, input_ids) logits = Transpose<perm=[0, 2, 1]>(words) }"
    model = parse(text, table=weights(20, 8))
    assert transpose_weights(model) == "0 of 1"
    assert operators(model) == {"Gather": 1, "Transpose": 1}
