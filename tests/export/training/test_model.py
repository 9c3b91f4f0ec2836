"""The head gives the same logits at the selected tokens alone as at all tokens, in every architecture."""

import pytest
import torch

from fillmask_export.training.batch import Batch
from fillmask_export.training.errors import TrainingError
from fillmask_export.training.model import logits_at, make_optimizer, open_encoder
from fillmask_export.training.recipe import Recipe
from tests.support.architectures import ARCHITECTURES, make_checkpoint
from tests.support.rounding import assert_rounded_alike, rounding_bound

CPU = torch.device("cpu")
FAST = {"bert", "distilbert", "electra", "modernbert", "roberta"}
# They are refused: their tokenizer is written in Python only, or they take no attention mask.
REFUSED = {"esm": "has no fast tokenizer", "fnet": "takes no attention_mask"}
# It computes in training mode only, in which it draws random numbers.
UNTRAINED = {"reformer", *REFUSED}
NAMES = [
    pytest.param(name, marks=[] if name in FAST else pytest.mark.slow)
    for name in ARCHITECTURES
    if name not in UNTRAINED
]


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_trained_is_refused(name, tmp_path):
    with pytest.raises(TrainingError, match=REFUSED[name]):
        open_encoder(str(make_checkpoint(name, tmp_path)), CPU)


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning")  # transformers' own, in Funnel
@pytest.mark.parametrize("name", NAMES)
def test_logits_and_gradients_are_those_of_the_whole_head(name, tmp_path):
    model, tokenizer, new = open_encoder(str(make_checkpoint(name, tmp_path)), CPU)
    assert not new
    torch.manual_seed(0)
    input_ids = torch.randint(5, len(tokenizer) - 1, (3, 16))
    attention_mask = torch.ones_like(input_ids)
    attention_mask[2, 12:] = 0
    selected = (torch.rand(3, 16) < 0.3) & attention_mask.bool()
    labels = input_ids[selected]
    logits = logits_at(model, Batch(input_ids, attention_mask, selected, labels, head_rows=len(labels) + 3))
    expected = model(input_ids=input_ids, attention_mask=attention_mask).logits[selected]
    # The head is a product, a LayerNorm (mean and variance) and another product, none wider than the widest matrix.
    width = max(parameter.shape[-1] for parameter in model.parameters() if parameter.ndim == 2)
    bound = rounding_bound(4 * width, expected.abs().max().item())
    assert_rounded_alike(logits.detach().numpy(), expected.detach().numpy(), bound)
    logits.logsumexp(-1).sum().backward()
    assert model.get_input_embeddings().weight.grad.abs().sum() > 0


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning")  # transformers' own, in Funnel
@pytest.mark.parametrize("name", NAMES)
def test_in_bf16_gradients_reach_the_weights_in_fp32(name, tmp_path):
    model, tokenizer, _ = open_encoder(str(make_checkpoint(name, tmp_path)), CPU)
    torch.manual_seed(0)
    input_ids = torch.randint(5, len(tokenizer) - 1, (3, 16))
    selected = torch.rand(3, 16) < 0.3
    batch = Batch(input_ids, torch.ones_like(input_ids), selected, input_ids[selected], head_rows=int(selected.sum()))
    gradients = {}
    for precision in ("fp32", "bf16"):
        logits_at(model, batch, precision).float().logsumexp(-1).sum().backward()
        found = {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}
        gradients[precision] = torch.cat([gradient.flatten() for gradient in found.values()])
        assert all(gradient.dtype == torch.float32 and gradient.isfinite().all() for gradient in found.values())
        model.zero_grad()
    cosine = torch.nn.functional.cosine_similarity(gradients["fp32"], gradients["bf16"], dim=0)
    assert cosine > 0.98  # 0.985 in Funnel and UltraBERT (with autocast alone 0.992 and 0.999), 0.9998 in BERT


def test_in_bf16_all_between_two_products_is_in_bf16(tmp_path):
    model, _, _ = open_encoder(str(make_checkpoint("bert", tmp_path)), CPU)
    input_ids = torch.full((2, 8), 7)
    batch = Batch(input_ids, torch.ones_like(input_ids), input_ids > 0, input_ids.flatten(), head_rows=16)
    seen = {}
    for name, module in model.named_modules():
        module.register_forward_hook(lambda _module, _inputs, output, name=name: seen.update({name: output}))
    logits_at(model, batch, "bf16")
    outputs = {name: output for name, output in seen.items() if isinstance(output, torch.Tensor)}
    assert len(outputs) > 10
    assert {output.dtype for output in outputs.values()} == {torch.bfloat16}
    assert all(weight.dtype == torch.float32 for weight in model.parameters())


def test_what_starts_at_random_learns_faster_and_biases_do_not_decay(tmp_path):
    model, _, _ = open_encoder(str(make_checkpoint("bert", tmp_path)), CPU)
    new = ["cls.predictions.transform.dense.weight", "cls.predictions.transform.dense.bias"]
    recipe = Recipe(steps=1, learning_rate=1.0, head_learning_rate=3.0)
    of = {
        parameter: group for group in make_optimizer(model, new, recipe).param_groups for parameter in group["params"]
    }
    named = dict(model.named_parameters())
    assert len(of) == len(named)
    assert {name for name, parameter in named.items() if of[parameter]["peak"] == 3.0} == set(new)
    assert all((of[parameter]["weight_decay"] > 0) == (parameter.ndim > 1) for parameter in named.values())
