"""The LM head as a product of integers, and which heads stay one of floats."""

import re

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fillmask_export.passes import make_lean
from fillmask_export.passes.graph import constant
from fillmask_export.passes.table import tie_table
from fillmask_export.plan import Plan
from fillmask_export.probes import Probe
from fillmask_export.quantization import integer_head
from fillmask_export.quantization.activations import collect
from fillmask_export.quantization.integer_head import IntegerHead, prepare_head, quantize_head
from tests.support.graphs import PLAIN, feeds_of, operators, parse, random_probes, run, run_all, texts, weights

VOCABULARY, WIDTH = 50, 24
NORMED = "e = Gather(words, input_ids) n = LayerNormalization<axis = -1>(e, gamma, beta) "
BIASED = PLAIN + "{" + NORMED + "z = MatMul(n, head) logits = Add(z, bias) }"
UNBIASED = PLAIN + "{" + NORMED + "logits = MatMul(n, head) }"
NO_NORM = PLAIN + "{ e = Gather(words, input_ids) logits = MatMul(e, head) }"
SUMMED = PLAIN + "{" + NORMED + "x = Add(n, n) logits = MatMul(x, head) }"
TWICE = PLAIN + (
    "{ p = Gather(words, attention_mask) e = Gather(words, input_ids) x = Add(e, p) "
    "n = LayerNormalization<axis = -1>(x, gamma, beta) logits = MatMul(n, head) }"
)
INTEGERS = "int8 with a scale a token, shared with the LM head, which multiplies integers"
FLOATS = "uint8 in blocks of 16, shared with the LM head, which multiplies floats: "


def tied(text=BIASED, width=WIDTH, **arrays):
    """A graph whose head reads the table of its embeddings after a LayerNorm."""
    words = arrays.get("words", weights(VOCABULARY, width))
    known = {
        "words": words,
        "head": np.ascontiguousarray(words.T),
        "gamma": 1 + weights(width, seed=1) / 4,
        "beta": weights(width, seed=2),
        "bias": weights(len(words), seed=3),
    }
    model = parse(text, **{name: array for name, array in (known | arrays).items() if name in text})
    tie_table(model)
    return model


def in_integers(model, calibration=None):
    calibration = random_probes(20, VOCABULARY) if calibration is None else calibration
    head = prepare_head(model, calibration, np.inf)  # of few random channels, whatever it costs
    assert quantize_head(model, head) == INTEGERS
    return model


def array(model, name):
    return model.graph.initializers[name].const_value.numpy()


def the(model, operator):
    (node,) = (node for node in model.graph if node.op_type == operator)
    return node


def exact(model, feeds):
    """The product of the integers in int64, dequantized in float64."""
    the(model, "QGemm").inputs[0].name = "quantized"
    rows = run_all(model, feeds)["quantized"].astype(np.int64) - 128
    sums = rows @ array(model, "table").T.astype(np.int64) + array(model, "head/bias")
    found = sums * (array(model, "table_scale").astype(np.float64) * array(model, "head/scale"))
    return found.reshape(*feeds["input_ids"].shape, -1)


@pytest.mark.parametrize("text", [BIASED, UNBIASED], ids=["with a bias", "without a bias"])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 7)])
def test_the_logits_are_the_product_of_the_dequantized_values(text, size):
    model, feeds = in_integers(tied(text)), texts(*size, VOCABULARY)
    expected = exact(model, feeds)
    np.testing.assert_allclose(run(model, feeds), expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("text", [BIASED, UNBIASED], ids=["with a bias", "without a bias"])
@pytest.mark.parametrize("width", [8, 23, 64])
def test_the_logits_are_close_to_those_of_floats(text, width):
    feeds = texts(3, 9, VOCABULARY)
    expected, found = run(tied(text, width), feeds), run(in_integers(tied(text, width)), feeds)
    assert np.sqrt(np.square(found - expected).mean()) < 0.02 * expected.std()


def test_a_row_has_the_same_bits_alone_and_beside_others():
    model, feeds = in_integers(tied(width=64)), texts(33, 1, VOCABULARY)
    together = run(model, feeds)
    for rows in range(1, 34):
        np.testing.assert_array_equal(
            run(model, {name: each[-rows:] for name, each in feeds.items()}), together[-rows:]
        )


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 40), st.integers(0, 99), st.sampled_from(["normal", "signs"]))
def test_no_pair_of_neighbors_overflows(width, seed, kind):
    table = weights(VOCABULARY, width, seed=seed)
    model = in_integers(tied(width=width, words=np.sign(table) if kind == "signs" else table))
    integers = array(model, "table").astype(np.int64)
    pairs = np.pad(integers, ((0, 0), (0, width % 2))).reshape(VOCABULARY, -1, 2)
    for sign in (1, -1):
        assert np.clip(sign * pairs, 0, None).sum(axis=2).max() <= 128


def test_embeddings_are_the_dequantized_table():
    model, feeds = in_integers(tied()), texts(3, 7, VOCABULARY)
    the(model, "LayerNormalization").inputs[0].name = "embeddings"
    table = array(model, "table") * array(model, "table_scale")[:, None]
    np.testing.assert_allclose(run_all(model, feeds)["embeddings"], table[feeds["input_ids"]], rtol=1e-6)


def test_the_table_is_stored_once(tmp_path):
    ir.save(in_integers(tied()), tmp_path / "model.onnx")
    saved = ir.load(tmp_path / "model.onnx").graph.initializers.values()
    assert [each.dtype for each in saved if each.const_value.size == VOCABULARY * WIDTH] == [ir.DataType.INT8]


def test_a_value_beyond_the_calibration_saturates():
    model = in_integers(tied(), [Probe(np.array([7, 9]), np.array([1]), np.array([9]))])
    the(model, "QGemm").inputs[0].name = "quantized"
    feeds = texts(3, 9, VOCABULARY)
    found = run_all(model, feeds)
    assert found["quantized"].max() == 255
    np.testing.assert_allclose(found["logits"], exact(model, feeds), rtol=1e-5, atol=1e-4)


def test_calibration_reads_the_tokens_behind_the_masks_too():
    model = tied()
    masked = Probe(np.array([1, 1, 1]), np.array([0, 1, 2]), np.array([7, 8, 9]))
    head = prepare_head(model, [masked])
    feeds = {"input_ids": np.array([[1, 7, 8, 9]]), "attention_mask": np.ones((1, 4), dtype=np.int64)}
    read = run_all(model, feeds)["n"][0]
    np.testing.assert_allclose(np.unique(head.sample.rows, axis=0), np.unique(read, axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(head.sample.high, read.max(axis=0), rtol=1e-5, atol=1e-6)


def test_the_other_readers_of_the_norm_keep_its_values():
    text = UNBIASED.replace("logits = MatMul(n, head)", "z = MatMul(n, head) m = ReduceMax(n) logits = Add(z, m)")
    feeds = texts(3, 9, VOCABULARY)
    expected, found = run(tied(text), feeds), run(in_integers(tied(text)), feeds)
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (NO_NORM, "no LayerNorm before it"),
        (SUMMED, "no LayerNorm before it"),
        (TWICE, "others read the table too"),
    ],
)
def test_a_head_that_cannot_be_of_integers_multiplies_floats_and_says_why(text, reason):
    model = tied(text, 16)
    assert quantize_head(model, prepare_head(model, random_probes(4, VOCABULARY))) == FLOATS + reason
    assert (operators(model)["MatMulNBits"], operators(model)["QGemm"]) == (1, 0)


def test_a_large_table_keeps_a_head_of_floats(monkeypatch):
    monkeypatch.setattr(integer_head, "_LARGEST_TABLE", VOCABULARY * 16)
    assert isinstance(prepare_head(tied(width=16), random_probes(4, VOCABULARY)), IntegerHead)
    assert prepare_head(tied(width=17), random_probes(4, VOCABULARY)) == "the table has more than 800 weights"


def test_a_head_without_the_table_has_no_reason():
    model = parse(NO_NORM, words=weights(VOCABULARY, 16), head=weights(16, VOCABULARY))
    found = prepare_head(model, random_probes(4, VOCABULARY))
    assert found == ""
    assert quantize_head(model, found) == "uint8 in blocks of 16, not shared with the LM head"


def test_a_head_that_saturates_on_texts_unlike_those_of_the_calibration_multiplies_floats_and_gives_the_figures():
    words = weights(VOCABULARY, 128)
    words[7] = np.eye(128)[3]  # its LayerNorm gives values that no other token has
    usual = [probe for probe in random_probes(60, VOCABULARY) if 7 not in probe.unmasked().input_ids]
    unlike = Probe(np.array([9, 7, 7]), np.array([1, 2]), np.array([7, 7]))
    assert isinstance(prepare_head(tied(width=128, words=words), usual), IntegerHead)
    model = tied(width=128, words=words)
    description = quantize_head(model, prepare_head(model, [unlike, *usual]))
    reason = (
        re.escape(FLOATS.replace("16", "128")) + r"integers cost a mean KL of (\S+) for (\S+), allowed are 0.001 more"
    )
    found, floats = map(float, re.fullmatch(reason, description).groups())
    assert found > floats + Plan().max_kl / 10
    assert (operators(model)["MatMulNBits"], operators(model)["QGemm"]) == (1, 0)


@pytest.mark.parametrize("worse", [0, 1])
@pytest.mark.parametrize("cost", [1.0, np.nan])
def test_a_head_may_cost_too_much_neither_at_masks_nor_at_other_tokens(monkeypatch, worse, cost):
    costs = [[0.5, 0.5], [0.5, 0.5]]
    costs[worse][1] = 0.5 + cost
    monkeypatch.setattr(integer_head, "mean_divergences", lambda *arguments: costs.pop(0))
    assert isinstance(prepare_head(tied(), random_probes(20, VOCABULARY)), str)


@pytest.mark.parametrize(("max_kl", "refused"), [(0.01, True), (0.5, False), (0.3, True)])
def test_a_head_may_cost_a_tenth_of_what_the_export_allows(monkeypatch, max_kl, refused):
    monkeypatch.setattr(integer_head, "mean_divergences", lambda *arguments: [0.5, 0.54])
    found = prepare_head(tied(), random_probes(20, VOCABULARY), max_kl)
    assert isinstance(found, str) == refused
    assert not refused or found.endswith(f"allowed are {max_kl / 10:.2g} more")


@pytest.mark.parametrize("count", [1, 2, 9, 700])
def test_a_head_is_compared_on_texts_that_it_is_not_calibrated_on(monkeypatch, count):
    calibrated, compared = [], []
    calibration = random_probes(count, VOCABULARY)

    def compare(model, changed, probes):
        compared.extend(probes)
        return 0.0, 0.0

    monkeypatch.setattr(integer_head, "mean_divergences", compare)
    monkeypatch.setattr(
        integer_head, "collect", lambda *arguments: calibrated.extend(arguments[2]) or collect(*arguments)
    )
    prepare_head(tied(), calibration)
    assert len(calibrated) == 2 * max(1, count - len(compared) // 2)
    assert 2 <= len(compared) <= 128
    seen = {each.input_ids.tobytes() for each in calibrated}
    assert count == 1 or not seen & {each.input_ids.tobytes() for each in compared}


@pytest.mark.parametrize("large", [1e12, np.inf])
def test_a_bias_that_int32_does_not_hold_keeps_a_head_of_floats(large):
    bias = weights(VOCABULARY, seed=3)
    bias[11] = -large
    model = tied(width=16, bias=bias)
    head = prepare_head(model, random_probes(4, VOCABULARY))
    assert quantize_head(model, head) == FLOATS + "a bias is too large for integers"


def test_a_token_of_zeros_has_the_logit_of_its_bias():
    table = weights(VOCABULARY, WIDTH)
    table[9] = 0
    model, feeds = in_integers(tied(words=table)), texts(2, 5, VOCABULARY)
    np.testing.assert_allclose(run(model, feeds)[..., 9], weights(VOCABULARY, seed=3)[9], atol=0.02)


def test_a_table_may_be_called_as_the_constants_are():
    model = tied(BIASED.replace("words", "table"), table=weights(VOCABULARY, WIDTH))
    constant(model, "head/scale", np.float32(7))
    feeds = texts(2, 5, VOCABULARY)
    expected = run(model, feeds)
    assert np.abs(run(in_integers(model), feeds) - expected).max() < 0.05 * np.abs(expected).max()


def test_a_checkpoints_head_is_one_product_of_integers_unless_they_cost_too_much(plain):
    make_lean(plain)
    before = plain.clone()
    head = prepare_head(plain, random_probes(200))
    refused = isinstance(head, str)
    description = quantize_head(plain, head)
    if refused:  # random weights are another draw with each version of transformers
        assert head.startswith("integers cost a mean KL of ")
        assert description.endswith(f", which multiplies floats: {head}")
    else:
        assert description == INTEGERS
        assert operators(plain)["Pad"] == operators(before)["Pad"]  # no extra row
    found, heads = operators(plain), {"QGemm": int(not refused), "MatMulNBits": int(refused), "FusedMatMul": 0}
    assert {name: found[name] for name in heads} == heads
    for probe in random_probes(3):
        expected = run(before, feeds_of(probe))
        assert np.sqrt(np.square(run(plain, feeds_of(probe)) - expected).mean()) < 0.05 * expected.std()
