import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM

from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.passes import make_lean
from fillmask_export.passes.graph import tidy
from fillmask_export.probes import Probe
from fillmask_export.quantization.activations import Sample, collect, find_activations
from fillmask_export.quantization.channel_splitting import share_out, split_outliers
from fillmask_export.tracing import trace
from tests.support.graphs import parse, places, run, run_all, texts, weights
from tests.support.rounding import assert_rounded_alike, count_terms, graph_bound, rounding_bound

FLOATS = "g (float[b,s,8] x, float[b,s,512] y) => (float[p,q,r] logits) "
FIRST = "a = MatMul(x, first) h = Add(a, bias) "
GELU = "i = Div(h, root) j = Erf(i) k = Add(j, one) l = Mul(h, k) z = Mul(l, half) "  # as torch traces it
LAST = "m = MatMul(z, second) logits = Add(m, end)"
NUMBERS = {"root": np.float32([2**0.5]), "one": np.float32([1]), "half": np.float32([0.5])}


def by_hand(text, outlier=50.0, channels=512, **more):
    """A feed-forward layer of which two channels are far larger than the rest, before and behind the activation."""
    rng = np.random.default_rng(0)
    scale = np.ones(channels, dtype=np.float32)
    scale[[3, 7]] = outlier
    made = {
        "first": weights(8, channels) * scale,
        "bias": weights(channels) * scale,
        "second": rng.uniform(-1, 1, (channels, 8)).astype(np.float32),
        "end": weights(8),
    }
    read = text.replace("(", " ").replace(")", " ").replace(",", " ").split()
    known = made | NUMBERS | more
    return parse(FLOATS.replace("512", str(channels)) + "{ " + text + " }", **{n: known[n] for n in known if n in read})


def feeds_of(channels=512):
    return {"x": weights(2, 40, 8, seed=4), "y": weights(2, 40, channels, seed=5)}


def split(model, feeds):
    """Split every activation of a hand-made graph; how many copies that made, and what the activations were."""
    activations, tensors = find_activations(model), run_all(model, feeds, None) | feeds
    samples = {}
    for activation in activations:
        rows = tensors[activation.name].reshape(-1, tensors[activation.name].shape[-1])
        samples[activation.name] = Sample(rows.min(axis=0), rows.max(axis=0), rows)
    copies = sum(split_outliers(model, activation, samples) for activation in activations)
    tidy(model)
    return copies, samples


def check_same(model, before, feeds):
    expected = run(before, feeds)
    assert_rounded_alike(run(model, feeds), expected, graph_bound(before, feeds))


@pytest.mark.parametrize("seed", range(8))
def test_each_copy_goes_to_the_channel_that_is_the_largest_then(seed):
    rng = np.random.default_rng(seed)
    magnitude = np.exp(2 * rng.standard_normal(rng.integers(1, 12))).astype(np.float32)
    counts = [1] * len(magnitude)
    for _ in range(20):
        shares = [size / count for size, count in zip(magnitude, counts, strict=True)]
        counts[shares.index(max(shares))] += 1
    np.testing.assert_array_equal(share_out(magnitude, 20), counts)


@pytest.mark.parametrize("copies", range(5))
def test_no_other_way_to_share_copies_out_leaves_a_smaller_largest_channel(copies):
    magnitude = np.float32([9, 4, 1, 6])
    ways = [way for way in np.ndindex(*[copies + 1] * 4) if sum(way) == copies]
    best = min(float((magnitude / (1 + np.array(way))).max()) for way in ways)
    assert float((magnitude / share_out(magnitude, copies)).max()) == pytest.approx(best)


@pytest.mark.parametrize("activation", [GELU, "z = Relu(h) ", "t = Sigmoid(h) z = Mul(h, t) "])
def test_splitting_changes_nothing_but_the_number_of_channels(activation):
    text, feeds = FIRST + activation + LAST, feeds_of()
    model, before = by_hand(text), by_hand(text)
    copies, _ = split(model, feeds)
    assert copies == 16
    assert find_activations(model)[-1].weights().shape == (528, 8)
    check_same(model, before, feeds)


def test_the_largest_channels_are_the_ones_that_are_split():
    model, feeds = by_hand(FIRST + "z = Relu(h) " + LAST), feeds_of()
    before = by_hand(FIRST + "z = Relu(h) " + LAST)
    split(model, feeds)
    spread = [
        (np.abs(activation.weights()).max(axis=1) * run_all(each, feeds, None)["z"].max(axis=(0, 1)))
        for each, activation in ((model, find_activations(model)[-1]), (before, find_activations(before)[-1]))
    ]
    assert spread[0].max() < spread[1].max() / 6
    assert np.median(spread[0]) == pytest.approx(np.median(spread[1]), rel=0.2)


def test_the_samples_of_a_split_activation_are_what_the_split_graph_computes():
    model, feeds = by_hand(FIRST + GELU + LAST), feeds_of()
    _, samples = split(model, feeds)
    tensors = run_all(model, feeds, None)
    rows = tensors["z"].reshape(-1, 528)
    # The slope of a GELU is at most 1.13, so that its result is as exact as its argument, which here is far larger.
    largest = np.abs(tensors["h"]).max(axis=(0, 1))
    bounds = [rounding_bound(count_terms(model, feeds, "z"), float(size)) for size in largest]
    np.testing.assert_array_less(np.abs(samples["z"].rows - rows).max(axis=0), bounds)
    np.testing.assert_array_less(np.abs(samples["z"].low - rows.min(axis=0)), bounds)
    np.testing.assert_array_less(np.abs(samples["z"].high - rows.max(axis=0)), bounds)
    assert (1000 * np.array(bounds) < np.ptp(rows, axis=0)).all()  # far less than rows of other texts, or channels


@pytest.mark.parametrize(
    "text",
    [
        FIRST + "z = Relu(h) m = MatMul(z, second) logits = Add(m, end) n = Identity(z)",
        FIRST + "z = Relu(h) m = MatMul(z, second) w = ReduceMean(h) logits = Add(m, w)",
        FIRST + "z = Relu(h) m = MatMul(z, second) w = ReduceMean(a) logits = Add(m, w)",
        FIRST + "z = Relu(h) m = MatMul(z, second) n = MatMul(z, second) logits = Add(m, n)",
        FIRST + "t = Relu(h) z = Mul(t, y) " + LAST,
        FIRST + "n = MatMul(x, first) t = Sigmoid(n) z = Mul(t, h) " + LAST,
        "h = MatMul(x, first) z = Relu(h) " + LAST,
        FIRST + "t = Relu(h) z = Mul(t, bias) " + LAST,
        FIRST + "z = Softmax(h) " + LAST,
        "z = Relu(y) " + LAST,
    ],
    ids=[
        "the activation has another reader",
        "the hidden tensor has another reader",
        "the product has another reader",
        "two products read it",
        "it is gated by an input",
        "it is gated by a product",
        "there is no bias",
        "it is scaled channel by channel",
        "an operator mixes the channels",
        "no product makes it",
    ],
)
def test_nothing_is_split_where(text):
    model, feeds = by_hand(text), feeds_of()
    expected = run(by_hand(text), feeds)
    assert split(model, feeds)[0] == 0
    np.testing.assert_array_equal(run(model, feeds), expected)


@pytest.mark.parametrize(("outlier", "channels"), [(1.0, 512), (50.0, 496)], ids=["no outliers", "too few channels"])
def test_nothing_is_split_with(outlier, channels):
    assert split(by_hand(FIRST + GELU + LAST, outlier, channels), feeds_of(channels))[0] == 0


@pytest.fixture(scope="module", params=[1.0, 50.0], ids=["even", "outlier"])
def lean_bert(request, checkpoint_of, tmp_path_factory):
    """A BERT with 512 channels in its feed-forward layers; one of the first layer's is larger by a factor."""
    folder = tmp_path_factory.mktemp("wide")
    tokenizer = AutoTokenizer.from_pretrained(checkpoint_of("wordpiece"))
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 512}
    torch.manual_seed(0)
    model = BertForMaskedLM(BertConfig(**sizes, vocab_size=len(tokenizer), initializer_range=0.2))
    layer = model.bert.encoder.layer[0]
    with torch.no_grad():
        torch.nn.init.normal_(layer.intermediate.dense.bias, mean=2, std=0.2)
        torch.nn.init.constant_(model.bert.encoder.layer[1].intermediate.dense.bias, 2)
        layer.intermediate.dense.weight[5] *= request.param
        layer.output.dense.weight[:, 5] *= 1 + 0.01 * request.param
        model.bert.encoder.layer[1].output.dense.weight.sign_()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    lean = trace(open_checkpoint(folder), tmp_path_factory.mktemp("graph"))
    make_lean(lean)
    return lean, request.param


def test_a_bert_is_split_where_a_channel_is_an_outlier_and_keeps_its_logits(lean_bert):
    model, factor = lean_bert[0].clone(), lean_bert[1]
    rows, activations = np.random.default_rng(0).integers(5, 500, (8, 60)), find_activations(model)
    samples = collect(model, activations, [Probe(row, np.arange(60), row) for row in rows])
    copies = [split_outliers(model, activation, samples) for activation in activations]
    assert [each for each in copies if each] == ([16] if factor > 1 else [])
    feeds = texts(3, 20, 500)
    feeds["mask_positions"] = places(feeds, 3)
    check_same(model, lean_bert[0], feeds)
