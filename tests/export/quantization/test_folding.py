import numpy as np
import onnx_ir as ir
import pytest

from fillmask_export.passes import make_lean
from fillmask_export.passes.graph import constant, insert, replace, tidy
from fillmask_export.quantization.activations import Sample, find_activations
from fillmask_export.quantization.folding import smooth
from fillmask_export.quantization.qparams import choose_qparams
from tests.support.graphs import operators, parse, places, run, run_all, texts, weights
from tests.support.rounding import SCORES, assert_rounded_alike, graph_bound

FLOATS = "g (float[2,6,8] x) => (float[p,q,8] logits) "
NORM = "z = LayerNormalization<epsilon = 1e-6>(x, gamma, beta)"
NORMED = {"gamma": weights(8, seed=1), "beta": 3 * weights(8, seed=2), "first": weights(8, 8), "second": weights(8, 8)}
# What reads the LayerNorm's output, and how many Mul and Add it costs to give it that back.
READERS = {
    "only products": ("logits = MatMul(z, first)", 0, 0),
    "two products": ("a = MatMul(z, first) b = MatMul(z, second) logits = Mul(a, b)", 0, 0),
    "a residual beside a bias": ("a = MatMul(z, first) b = Add(a, bias) logits = Add(b, z)", 1, 0),
    "a residual on the other side": ("a = MatMul(z, first) b = Add(bias, a) logits = Add(z, b)", 1, 0),
    "a residual behind two layers": (
        "a = MatMul(z, first) b = Add(a, bias) c = Relu(b) d = MatMul(c, second) e = Add(d, bias) logits = Add(e, z)",
        1,
        0,
    ),
    "a residual without a bias": ("a = MatMul(z, first) logits = Add(a, z)", 1, 1),
    "a residual whose branch has another reader": (
        "a = MatMul(z, first) b = Add(a, bias) c = Add(b, z) logits = Mul(b, c)",
        1,
        1,
    ),
    "a residual with itself": ("a = MatMul(z, first) b = Add(z, z) logits = Mul(a, b)", 1, 1),
    "a GatherND": (
        "a = MatMul(z, first) b = GatherND<batch_dims = 1>(z, rows) c = ReduceSum(a) logits = Mul(b, c)",
        1,
        1,
    ),
    "a residual and a GatherND": (
        "a = MatMul(z, first) b = Add(a, bias) c = Add(b, z) d = GatherND<batch_dims = 1>(z, rows) "
        "e = ReduceSum(c) logits = Mul(d, e)",
        1,
        1,
    ),
}


def by_hand(text, **used):
    """A graph with the weights that its text names."""
    known = NORMED | {"bias": weights(8, seed=3), "rows": np.array([[[0], [2]], [[1], [1]]], dtype=np.int64)} | used
    read = text.replace("(", " ").replace(")", " ").replace(",", " ").split()
    return parse(FLOATS + "{ " + text + " }", **{name: array for name, array in known.items() if name in read})


def sample_of(model, name, feeds):
    rows = run_all(model, feeds, None)[name]
    rows = rows.reshape(-1, rows.shape[-1])
    return Sample(rows.min(axis=0), rows.max(axis=0), rows)


def fold(model, feeds):
    """Smooth every activation, and give each product the weights that make up for it, in fp32."""
    activations = find_activations(model)
    samples = [sample_of(model, activation.name, feeds) for activation in activations]
    for activation, sample in zip(activations, samples, strict=True):
        qparams = choose_qparams(sample, activation.weights(), centred=activation.after_layer_norm)
        smoothed = smooth(model, activation, qparams)
        centre = np.zeros_like(qparams.size) if qparams.centre is None else qparams.centre
        for linear in activation.linears:
            name = linear.output.name
            weight, bias = linear.weight * qparams.size[:, None], linear.bias + centre @ linear.weight
            product = insert(model, "MatMul", [smoothed, constant(model, f"{name}/w", weight)])
            replace(model, linear.output, insert(model, "Add", [product, constant(model, f"{name}/b", bias)]))
    tidy(model)
    return samples


def own_layer_norms(model):
    """Give every LayerNorm weights of its own, as trained models have; those of a new model are all ones."""
    rng = np.random.default_rng(0)
    for node in model.graph:
        if node.op_type == "LayerNormalization":
            gamma = rng.uniform(0.2, 2, size=32).astype(np.float32)
            node.replace_input_with(1, constant(model, f"{node.outputs[0].name}/own_gamma", gamma))


def hidden():
    return {"x": weights(2, 6, 8, seed=9)}


@pytest.mark.parametrize(("readers", "sized", "added"), READERS.values(), ids=READERS)
def test_taking_out_centres_and_sizes_changes_nothing_where_a_layer_norm_is_read_by(readers, sized, added):
    text, feeds = f"{NORM} {readers}", hidden()
    model, before = by_hand(text), by_hand(text)
    fold(model, feeds)
    expected = run(before, feeds)
    assert_rounded_alike(run(model, feeds), expected, graph_bound(before, feeds))
    gained = operators(model) - operators(before)
    new_biases = operators(model)["MatMul"] - sum("bias" in each for each in text.split("MatMul")[1:])
    assert operators(model)["LayerNormalization"] == 1
    assert gained["Mul"] == sized + ("Relu" in text)
    assert gained["Add"] == added + new_biases


def test_a_smoothed_layer_norm_has_the_centre_and_size_taken_out():
    model, feeds = by_hand(f"{NORM} logits = MatMul(z, first)"), hidden()
    (sample,) = fold(model, feeds)
    (norm,) = [node for node in model.graph if node.op_type == "LayerNormalization"]
    rows = sample_of(model, norm.outputs[0].name, feeds)
    np.testing.assert_allclose(rows.low, -rows.high, rtol=1e-4)
    np.testing.assert_allclose(rows.high, rows.high[0], rtol=1e-4)
    assert np.ptp(sample.low + sample.high) > 1


def test_a_layer_norm_keeps_its_epsilon_and_axis():
    model = by_hand(f"{NORM} logits = MatMul(z, first)")
    fold(model, hidden())
    (norm,) = [node for node in model.graph if node.op_type == "LayerNormalization"]
    assert norm.attributes["epsilon"].as_float() == pytest.approx(1e-6)


def test_another_activation_is_multiplied_with_the_inverse_sizes_and_keeps_its_centre():
    text = "z = Relu(x) a = MatMul(z, first) logits = Add(a, bias)"
    model, before, feeds = by_hand(text), by_hand(text), hidden()
    fold(model, feeds)
    assert_rounded_alike(run(model, feeds), run(before, feeds), graph_bound(before, feeds))
    assert operators(model) - operators(before) == {"Mul": 1}


def test_a_layer_norm_without_a_bias_is_folded_too():
    text = "z = LayerNormalization(x, gamma) a = MatMul(z, first) logits = Add(a, z)"
    model, before, feeds = by_hand(text), by_hand(text), hidden()
    fold(model, feeds)
    assert_rounded_alike(run(model, feeds), run(before, feeds), graph_bound(before, feeds))


@pytest.mark.parametrize("own", [False, True], ids=["new", "trained"])
def test_the_scores_of_a_checkpoints_graph_stay(plain, own):
    if own:
        own_layer_norms(plain)
    make_lean(plain)
    before, feeds = ir.from_proto(ir.to_proto(plain)), texts(3, 20, 500)
    feeds["mask_positions"] = places(feeds, 2)
    fold(plain, feeds)
    assert np.abs(scores(run(plain, feeds)) - scores(run(before, feeds))).max() <= SCORES


def test_in_a_trained_checkpoints_graph_residuals_take_up_the_centres(plain):
    own_layer_norms(plain)
    make_lean(plain)
    before, feeds = operators(plain), texts(3, 20, 500)
    feeds["mask_positions"] = places(feeds, 2)
    activations = find_activations(plain)
    normed = [activation for activation in activations if activation.after_layer_norm]
    fold(plain, feeds)
    assert len(normed) >= 4
    assert operators(plain)["LayerNormalization"] == before["LayerNormalization"]
    # The output of the first layer is also gathered at the masks, where no bias is there to take up its centre.
    assert operators(plain)["Add"] == before["Add"] + 1


def scores(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
