"""The logits at some tokens of texts: the masked-LM head, a third of the work or more, does not run for the others."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import pad
from transformers import PreTrainedModel

_TOLERANCE = 1e-6  # of the spread of the logits; a product over other rows sums in another order


def logits_at(
    model: PreTrainedModel,
    input_ids: Tensor,
    attention_mask: Tensor,
    selected: Tensor,
    rows: int,
    *,
    weights: Mapping[str, Tensor] | None = None,
) -> Tensor:
    """Run the head at the selected tokens alone.

    Args:
        model: A masked LM with a tokenwise head.
        input_ids: ``int64[b, s]``.
        attention_mask: ``int64[b, s]``.
        selected: ``bool[b, s]``, true at n tokens.
        rows: Rows that the head runs over, at least n. Behind the selected ones are zeros.
        weights: Parameters to run with, by name, in place of the model's own.

    Returns:
        ``float[rows, V]``: the selected tokens of the first text, of the second, and so on.
    """
    hook = model.base_model.register_forward_hook(partial(_keep, selected, rows))
    try:
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        logits: Tensor = functional_call(model, dict(weights or {}), kwargs=inputs).logits
    finally:
        hook.remove()
    return logits[0]


def _keep(selected: Tensor, rows: int, _module: object, _inputs: object, output: Any) -> Any:  # noqa: ANN401
    """Keep the states of the selected tokens, and rows of zeros up to the rows of the head."""
    states = output.last_hidden_state[selected]
    output.last_hidden_state = pad(states, (0, 0, 0, rows - len(states))).unsqueeze(0)
    return output


def is_tokenwise(model: PreTrainedModel, input_ids: Tensor, selected: Tensor) -> bool:
    """Whether the head gives the same logits at the selected tokens alone as at all tokens, tried on these texts.

    Args:
        model: A masked LM.
        input_ids: ``int64[b, s]``.
        selected: ``bool[b, s]``.
    """
    mask = torch.ones_like(input_ids)
    expected = model(input_ids=input_ids, attention_mask=mask).logits[selected]
    try:
        found = logits_at(model, input_ids, mask, selected, len(expected))
    except Exception:  # a head of another kind fails in a way of its own
        return False
    bound = _TOLERANCE * float(expected.max() - expected.min())
    return found.shape == expected.shape and bool(((found - expected).abs() <= bound).all())
