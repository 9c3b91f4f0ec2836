"""Trace a model with ``torch.export``, which follows its Python code with sizes as symbols."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path

import onnx_ir as ir
import torch
from transformers import PreTrainedModel

# LayerNormalization is one operator since 17; reductions take axes as an input since 18. The passes expect 18.
OPSET = 18
_LARGE = 1 << 30  # bytes
_BATCH, _LENGTH = 2, 16  # torch.export takes a size of 0 or 1 for a constant


class _FillMask(torch.nn.Module):
    """The model with its logits alone."""

    def __init__(self, model: PreTrainedModel, names: list[str]) -> None:
        super().__init__()
        self.model = model
        self._names = names

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(**dict(zip(self._names, tensors, strict=True))).logits
        return logits


def write_plain(model: PreTrainedModel, path: Path) -> None:
    """Write the traced graph of a model.

    Args:
        model: In evaluation mode.
        path: The graph's file; the weights of a large model go to a file beside it.

    Raises:
        torch.onnx.OnnxExporterError: The model cannot be traced, for example since it has one length only.
    """
    ids = torch.arange(_BATCH * _LENGTH).reshape(_BATCH, _LENGTH) % 3 + 2
    inputs = _inputs(model, ids)
    sizes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            _FillMask(model, list(inputs)).eval(),
            tuple(inputs.values()),
            dynamo=True,
            input_names=list(inputs),
            output_names=["logits"],
            dynamic_shapes=(tuple(sizes for _ in inputs),),
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None
    ir.save(program.model, path, external_data=f"{path.name}_data" if _is_large(program.model) else None)


def _inputs(model: PreTrainedModel, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    """Token types are an input where the model takes them and type 0 is what it takes without them."""
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    typed = inputs | {"token_type_ids": torch.zeros_like(ids)}
    if "token_type_ids" not in signature(model.forward).parameters:
        return inputs
    with torch.no_grad():
        same = torch.equal(model(**inputs).logits, model(**typed).logits)
    return typed if same else inputs


def _is_large(model: ir.Model) -> bool:
    """Whether the weights are more than one file of protobuf holds, which is 2 GB."""
    weights = (value.const_value for value in model.graph.initializers.values())
    return sum(weight.nbytes for weight in weights if weight is not None) > _LARGE


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what torch's exporter says of its own code, and of torchvision's operators, which no masked LM has."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*treespec, LeafSpec.*is deprecated", category=FutureWarning)
            # It warns of Python branches and of constants; verification shows whether one mattered.
            warnings.filterwarnings("ignore", category=UserWarning)
            yield
    finally:
        logger.setLevel(before)
