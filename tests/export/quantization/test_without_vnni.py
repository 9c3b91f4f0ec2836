"""The int8 graph on an x86 that has AVX2 and no VNNI: this one or one that qemu plays. It adds pairs in int16."""

import shutil
import subprocess
import sys

import numpy as np
import onnx_ir as ir
import pytest

from fillmask.environment import cpu_flags
from fillmask_export.passes.table import tie_table
from fillmask_export.quantization.activations import Sample, find_activations
from fillmask_export.quantization.integer_head import prepare_head, quantize_head
from fillmask_export.quantization.integer_matmul import to_integers
from fillmask_export.quantization.qparams import QuantParams
from fillmask_export.quantization.table import quantize_table
from tests.support.graphs import PLAIN, parse, random_probes, run, run_all, texts, weights

QEMU = shutil.which("qemu-x86_64")
HAS_AVX2_ALONE = "avx2" in cpu_flags() and "vnni" not in " ".join(cpu_flags())
COMMAND = [sys.executable] if HAS_AVX2_ALONE else [str(QEMU), "-cpu", "Haswell", sys.executable]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not HAS_AVX2_ALONE and QEMU is None, reason="qemu-x86_64 is missing; apt-get install qemu-user"),
]
SCRIPT = """
import sys
import numpy as np, onnxruntime as ort
options = ort.SessionOptions()
options.intra_op_num_threads = 1
for folder in sys.argv[1:]:
    session = ort.InferenceSession(f"{folder}/model.onnx", options, providers=["CPUExecutionProvider"])
    feeds = dict(np.load(f"{folder}/feeds.npz"))
    wanted = {each.name: feeds[each.name] for each in session.get_inputs()}
    np.save(f"{folder}/logits.npy", session.run(None, wanted)[0])
"""
CHANNELS = 64


def product(weight):
    """One product on a qparams on which an activation is a whole number from 0 to 255."""
    text = "g (float[b,64] x) => (float[b,n] logits) { z = Relu(x) logits = MatMul(z, weight) }"
    model = parse(text, weight=weight)
    (activation,) = find_activations(model)
    qparams = QuantParams(None, np.ones(CHANNELS, dtype=np.float32), 1.0, 0)
    rows = np.zeros((1, CHANNELS), dtype=np.float32)
    to_integers(model, activation, activation.value, qparams, Sample(rows[0], rows[0], rows))
    return model


def full_range(model, weight):
    """The same product with weights that are rounded to the whole range, heedless of pairs."""
    scale = np.abs(weight).max(axis=0) / 127
    for name, value in model.graph.initializers.items():
        if name.endswith("int8"):
            value.const_value = ir.tensor(np.round(weight / scale).astype(np.int8), name=name)
        elif name.endswith("column_scale"):
            value.const_value = ir.tensor(scale.astype(np.float32), name=name)
    return model


def exact(model, feeds):
    """What the product of integers is, in int64."""
    arrays = {name.rpartition("/")[2]: value.const_value.numpy() for name, value in model.graph.initializers.items()}
    return feeds["x"].astype(np.int64) @ arrays["int8"].astype(np.int64) * arrays["column_scale"]


def extremes():
    """An embedding table, ``float32[48, CHANNELS]``, where the sums in the LM head are largest."""
    return np.sign(weights(48, CHANNELS)) * np.float32([1.0, 0.5, 0.25])[np.arange(48) % 3, None]


def head():
    """The table of extremes and its head."""
    table = extremes()
    model = parse(
        PLAIN + "{ e = Gather(words, input_ids) logits = MatMul(e, head) }",
        words=table,
        head=np.ascontiguousarray(table.T),
    )
    tie_table(model)
    quantize_table(model)
    return model


def integer_head():
    """The same table behind a LayerNorm, whose activations reach both ends of uint8, and its head of integers."""
    table = extremes()
    model = parse(
        PLAIN + "{ e = Gather(words, input_ids) n = LayerNormalization<axis = -1>(e, gamma) logits = MatMul(n, head) }",
        words=table,
        gamma=np.ones(CHANNELS, dtype=np.float32),
        head=np.ascontiguousarray(table.T),
    )
    tie_table(model)
    quantize_head(model, prepare_head(model, random_probes(20, 48), np.inf))  # whatever it costs
    (product,) = (node for node in model.graph if node.op_type == "QGemm")
    product.inputs[0].name = "quantized"
    return model


def full_head():
    """The same head with weights of the whole range, heedless of pairs."""
    model = integer_head()
    table = model.graph.initializers["table"]
    table.const_value = ir.tensor((np.sign(table.const_value.numpy()) * 127).astype(np.int8), name="table")
    return model


def exact_head(model, feeds):
    """What the product of the head's integers is, in int64."""
    arrays = {name: value.const_value.numpy() for name, value in model.graph.initializers.items()}
    rows = run_all(model, feeds)["quantized"].astype(np.int64) - 128
    sums = rows @ arrays["table"].T.astype(np.int64) + arrays["head/bias"]
    found = sums * (arrays["table_scale"].astype(np.float64) * arrays["head/scale"])
    return found.reshape(*feeds["input_ids"].shape, -1)


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Runs all graphs at once, since starting Python under qemu takes most of the time."""
    weight = weights(CHANNELS, 32)
    rows = np.random.default_rng(0).integers(0, 256, (40, CHANNELS)).astype(np.float32)
    rows = np.concatenate([255.0 * (weight.T > 0), 255.0 * (weight.T < 0), rows]).astype(np.float32)
    models = {"safe": product(weight), "full": full_range(product(weight), weight), "head": head()}
    models |= {"integer head": integer_head(), "full head": full_head()}
    feeds = {"x": rows} | texts(3, 9, 48)
    folders = {name: tmp_path_factory.mktemp(name) for name in models}
    for name, model in models.items():
        ir.save(model, folders[name] / "model.onnx")
        np.savez(folders[name] / "feeds.npz", **feeds)
    command = [*COMMAND, "-W", "ignore", "-c", SCRIPT, *map(str, folders.values())]
    subprocess.run(command, check=True, timeout=500, capture_output=True)
    return models, feeds, {name: np.load(folder / "logits.npy") for name, folder in folders.items()}


@pytest.mark.parametrize(("name", "exactly"), [("safe", exact), ("integer head", exact_head)])
def test_a_product_of_integers_is_exact_there(answers, name, exactly):
    models, feeds, found = answers
    np.testing.assert_allclose(found[name], exactly(models[name], feeds), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(("name", "exactly"), [("full", exact), ("full head", exact_head)])
def test_weights_of_the_full_range_would_overflow_there(answers, name, exactly):
    models, feeds, found = answers
    assert np.abs(found[name] - exactly(models[name], feeds)).max() > 10


def test_the_lm_head_scores_there_as_it_does_here(answers):
    models, feeds, found = answers
    np.testing.assert_allclose(found["head"], run(models["head"], feeds), rtol=0, atol=1e-3)
    assert np.abs(found["head"]).max() == pytest.approx(CHANNELS, rel=0.05)
