import numpy as np
import pytest

from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.passes import make_lean
from fillmask_export.quantization.activations import collect, find_activations, linear_behind
from fillmask_export.quantization.prepare import prepare
from tests.support.graphs import feeds_of, parse, random_probes, run_all, weights
from tests.support.rounding import assert_rounded_alike, graph_bound

FLOATS = "g (float[b,s,8] x, float[b,s,8] y) => (float[b,s,n] logits) "


@pytest.fixture
def lean(plain):
    make_lean(plain)
    return plain


def linears_in(model):
    return [linear for activation in find_activations(model) for linear in activation.linears]


def shaped(product):
    """A batch of one from the rows that Gemm gives; other products give three axes already."""
    return "Unsqueeze(made, axis)" if "Gemm" in product else "Identity(made)"


def layers_of(checkpoint):
    """Weight and bias of every linear layer of a checkpoint but the LM head's table."""
    import torch

    model = open_checkpoint(checkpoint).model
    head = model.get_output_embeddings()
    layers = [module for module in model.modules() if isinstance(module, torch.nn.Linear) and module is not head]
    return [(layer.weight.detach().numpy().T, layer.bias.detach().numpy()) for layer in layers]


def test_every_linear_layer_of_a_checkpoint_is_found_with_its_bias_and_nothing_else(lean, checkpoint):
    layers, found = layers_of(checkpoint), linears_in(lean)
    assert len(found) == len(layers) == 13
    for weight, bias in layers:
        (match,) = [each for each in found if np.array_equal(each.weight, weight)]
        np.testing.assert_array_equal(match.bias, bias)


def test_each_activation_of_a_checkpoint_is_found_once_with_all_its_products(lean):
    activations = find_activations(lean)
    assert len({activation.value for activation in activations}) == len(activations)
    assert max(len(activation.linears) for activation in activations) == 3
    for activation in activations:
        assert all(linear.product.inputs[0] is activation.value for linear in activation.linears)
        columns = sum(len(linear.bias) for linear in activation.linears)
        assert activation.weights().shape == (activation.linears[0].weight.shape[0], columns)


def test_the_output_of_every_layer_of_a_checkpoint_leads_back_to_it(lean):
    for linear in linears_in(lean):
        assert linear_behind(linear.output) == linear
        assert linear_behind(linear.product.inputs[0]) != linear


def test_what_an_activation_held_is_what_the_graph_computed(lean):
    probes, activations = random_probes(), find_activations(lean)
    samples = collect(lean, activations, probes)
    runs = [run_all(lean, feeds_of(probe)) for probe in probes]
    for activation in activations:
        rows = np.concatenate([each[activation.name].reshape(-1, each[activation.name].shape[-1]) for each in runs])
        sample = samples[activation.name]
        # ONNX Runtime fuses operators to look at activations, and does not to run all of a graph.
        bound = max(graph_bound(lean, feeds_of(probe), activation.name) for probe in probes)
        assert_rounded_alike(np.sort(sample.rows, axis=0), np.sort(rows, axis=0), bound)
        np.testing.assert_allclose(sample.low, rows.min(axis=0), rtol=0, atol=bound)
        np.testing.assert_allclose(sample.high, rows.max(axis=0), rtol=0, atol=bound)


def test_looking_at_activations_leaves_the_graph_as_it_is(lean):
    collect(lean, find_activations(lean), random_probes(1))
    assert [value.name for value in lean.graph.outputs] == ["logits"]


@pytest.mark.parametrize(
    "product",
    ["MatMul(x, turned)", "MatMul(deep, x)", "MatMul(x, deep)", "Mul(x, vector)", "Gemm(rows, weight)"],
    ids=["of two activations", "from the left", "with a stack of weights", "by elements", "of another operator"],
)
def test_inputs_of_other_products_are_not_found(product):
    rows = "rows = Flatten<axis = 2>(x) turned = Transpose<perm = [0, 2, 1]>(y)"
    text = f"{{ {rows} made = {product} axis = Constant<value = int64[1] {{0}}>() logits = {shaped(product)} }}"
    arrays = {"deep": weights(2, 8, 8), "vector": weights(8), "weight": weights(8, 8)}
    used = {name: array for name, array in arrays.items() if name in product}
    assert find_activations(parse(FLOATS + text, **used)) == []


@pytest.mark.parametrize("addition", ["Add(made, bias)", "Add(bias, made)"])
def test_a_bias_is_found_on_either_side(addition):
    bias = weights(6)
    model = parse(
        FLOATS + f"{{ z = Relu(x) made = MatMul(z, weight) logits = {addition} }}", weight=weights(8, 6), bias=bias
    )
    (linear,) = linears_in(model)
    np.testing.assert_array_equal(linear.bias, bias)
    assert linear.output.name == "logits"


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("{ z = Relu(x) logits = MatMul(z, weight) }", {}),
        ("{ z = Relu(x) made = MatMul(z, weight) logits = Add(made, y) }", {}),
        ("{ z = Relu(x) made = MatMul(z, weight) logits = Add(made, one) }", {"one": np.ones((), dtype=np.float32)}),
        (
            "{ z = Relu(x) made = MatMul(z, weight) sum = Add(made, bias) logits = Mul(sum, made) }",
            {"bias": weights(8)},
        ),
    ],
    ids=["there is none", "it is an activation", "it is one number", "the product is read twice"],
)
def test_a_product_has_no_bias_where(text, used):
    (linear,) = linears_in(parse(FLOATS + text, weight=weights(8, 8), **used))
    assert linear.addition is None
    np.testing.assert_array_equal(linear.bias, np.zeros(8, dtype=np.float32))


def test_products_of_one_activation_are_found_together_in_the_order_of_the_graph():
    text = "{ z = Relu(x) a = MatMul(z, first) b = MatMul(z, second) logits = Concat<axis = 2>(a, b) }"
    (activation,) = find_activations(parse(FLOATS + text, first=weights(8, 4), second=weights(8, 6)))
    np.testing.assert_array_equal(activation.weights(), np.concatenate([weights(8, 4), weights(8, 6)], axis=1))
    assert activation.name == "z"


@pytest.mark.parametrize(("gamma", "folds"), [("gamma", True), ("y", False)])
def test_an_activation_is_behind_a_layer_norm_where_the_weights_of_that_are_constant(gamma, folds):
    text = f"{{ z = LayerNormalization(x, {gamma}, beta) logits = MatMul(z, weight) }}"
    used = {"gamma": weights(8)} if folds else {}
    (activation,) = find_activations(parse(FLOATS + text, weight=weights(8, 8), beta=weights(8), **used))
    assert activation.after_layer_norm is folds


def test_what_no_calibration_text_reaches_has_no_sample_and_stays_in_float():
    inputs = "(int64[b,s] input_ids, int64[b,s] attention_mask, int64[b,m] mask_positions)"
    body = """{
        rows = Gather(table, input_ids)
        reached = MatMul(rows, here)
        none = Slice(rows, zero, zero, one)
        unreached = MatMul(none, there)
        joined = Concat<axis=1>(reached, unreached)
        logits = MatMul(joined, head)
    }"""
    numbers = {"zero": np.array([0]), "one": np.array([1])}
    tables = {"table": weights(500, 8), "here": weights(8, 8), "there": weights(8, 8), "head": weights(8, 16)}
    model = parse(f"lean {inputs} => (float[b,s,v] logits) {body}", **tables, **numbers)
    activations = find_activations(model)
    samples = collect(model, activations, random_probes())
    assert [activation.name in samples for activation in activations] == [True, False, True]
    kept, _, _ = prepare(model, random_probes())
    assert len(kept) == 2
