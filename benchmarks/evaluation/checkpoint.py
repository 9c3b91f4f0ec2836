"""A checkpoint in PyTorch, fp32."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.evaluation.models import Model, hashes
from benchmarks.evaluation.rows import Row, RowEncoder
from fillmask.artifact.folder import Artifact
from fillmask.artifact.tokenizer import open_tokenizer
from fillmask.runtime.cpu import available_threads


def open_checkpoint(folder: Path) -> Model:
    """Open a checkpoint.

    Args:
        folder: As ``from_pretrained`` takes it.
    """
    import torch
    from transformers import AutoModelForMaskedLM

    torch.set_num_threads(available_threads())
    return Model(
        name=f"{folder.name} in PyTorch",
        files=hashes([*folder.glob("*.safetensors"), *folder.glob("pytorch_model*.bin")]),
        encoder=RowEncoder(open_tokenizer(Artifact(folder, str(folder), None, {}, {}))),
        logits=partial(_logits, AutoModelForMaskedLM.from_pretrained(folder, torch_dtype=torch.float32).eval()),
    )


def _logits(model: Any, rows: Sequence[Row]) -> NDArray[np.float32]:  # noqa: ANN401 -- transformers has no types
    """Run the LM head at the masks only; at all tokens it would take most of the time."""
    import torch

    ids, positions = (torch.from_numpy(np.stack([getattr(row, name) for row in rows]))
                      for name in ("input_ids", "positions"))  # fmt: skip

    def at_masks(module: object, inputs: object, output: Any) -> Any:  # noqa: ANN401 -- transformers' ModelOutput
        hidden = output[0]
        output["last_hidden_state"] = hidden.gather(1, positions[..., None].expand(-1, -1, hidden.shape[-1]))
        return output

    hook = model.base_model.register_forward_hook(at_masks)
    try:
        with torch.inference_mode():
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    finally:
        hook.remove()
    return np.asarray(logits.numpy())
