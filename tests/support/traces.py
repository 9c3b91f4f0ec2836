"""Traces that tests share: torch.export takes seconds for the smallest model, and tests export a few of them often."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from hashlib import sha256
from itertools import chain
from pathlib import Path
from tempfile import mkdtemp

from transformers import PreTrainedModel

Tracer = Callable[[PreTrainedModel, Path], None]


def traced_once(write_plain: Tracer, folder: Path) -> Tracer:
    """A tracer that copies what it wrote before for a model of the same class, settings and weights.

    Args:
        write_plain: What traces, and writes a graph that holds its weights.
        folder: Where the graphs are kept.
    """

    def write(model: PreTrainedModel, path: Path) -> None:
        kept = folder / f"{digest(model)}.onnx"
        if not kept.exists():
            made = Path(mkdtemp(dir=folder))
            write_plain(model, made / path.name)
            (graph,) = made.iterdir()
            graph.rename(kept)
        shutil.copy(kept, path)

    return write


def digest(model: PreTrainedModel) -> str:
    """Tells models apart that a tracer would make different graphs of."""
    found = sha256(f"{type(model).__qualname__} {model.config} {model.config._attn_implementation}".encode())
    for name, tensor in chain(model.named_parameters(), model.named_buffers()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.detach().float().numpy().tobytes())
    return found.hexdigest()
