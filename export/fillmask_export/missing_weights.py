"""Weights that a checkpoint lacks: whether the masked LM uses them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel


def used_weights(model: PreTrainedModel, missing: Sequence[str]) -> list[str]:
    """Find the missing weights that reach the logits.

    transformers draws them at random, such as the contact head of ESM or the pooler of BERT, which no fill-mask runs.
    Each is set to NaN in turn, and back.

    Args:
        model: In evaluation mode.
        missing: Names of weights that the checkpoint lacks.

    Returns:
        Those with which a text of two tokens has logits that are not finite, or does not run.
    """
    weights = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return [name for name in missing if name not in weights or _is_used(model, weights[name])]


def _is_used(model: PreTrainedModel, weight: torch.Tensor) -> bool:
    if not weight.is_floating_point():
        return True
    ids = torch.ones((1, 2), dtype=torch.long)
    before = weight.detach().clone()
    try:
        with torch.no_grad():
            weight.fill_(float("nan"))
            return not bool(torch.isfinite(model(input_ids=ids, attention_mask=ids).logits).all())
    except (IndexError, RuntimeError, TypeError, ValueError):
        return True
    finally:
        with torch.no_grad():
            weight.copy_(before)
