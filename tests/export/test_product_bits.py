"""Products whose bits may depend on the rows beside them are found in the graph itself."""

import numpy as np
import pytest

from fillmask_export.passes import make_lean
from fillmask_export.product_bits import products_keep_bits
from fillmask_export.quantization import quantize
from fillmask_export.quantization.activations import find_activations
from fillmask_export.quantization.table_int4 import quantize_table_to_4_bits
from tests.support.graphs import operators, parse, random_probes, weights


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("MatMul(x, w)", False),
        ("Gemm(x, w)", False),
        ('Einsum<equation = "bk,kn->bn">(x, w)', False),
        ("MatMul(x, x)", True),  # as in an attention
        ("Add(x, w)", True),
    ],
)
def test_a_product_of_floats_with_weights_is_found(node, expected):
    graph = f"g (float[4,4] x) => (float[4,4] logits) {{ logits = {node} }}"
    constants = {"w": weights(4, 4)} if "w" in node else {}
    assert products_keep_bits(parse(graph, **constants)) is expected


def test_a_convolution_with_weights_is_one_of_floats():
    graph = "g (float[1,3,9] x) => (float[1,2,8] logits) { logits = Conv(x, w) }"
    assert not products_keep_bits(parse(graph, w=weights(2, 3, 2)))


@pytest.mark.parametrize("head", ["QGemm", "MatMulNBits"])
def test_a_quantized_checkpoint_keeps_bits_with_either_head_and_not_with_a_product_in_fp32(plain, head):
    max_kl = np.inf if head == "QGemm" else -1
    make_lean(plain)
    assert not products_keep_bits(plain)
    for kept, expected in (((), True), ((find_activations(plain)[0].name,), False)):
        model = plain.clone()
        quantize(model, random_probes(20), kept, max_kl=max_kl)
        assert operators(model)[head] == 1
        assert products_keep_bits(model) is expected


def test_a_head_of_4_bits_is_not_trusted(plain):
    make_lean(plain)
    quantize_table_to_4_bits(plain, random_probes(20))
    quantize(plain, random_probes(20))
    assert not products_keep_bits(plain)
