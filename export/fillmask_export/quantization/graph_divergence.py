"""How far the logits of changed graphs are from those of the graph that they were made of."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np
import onnx_ir as ir
import onnxruntime as ort
from numpy.typing import NDArray

from fillmask.cli.bar import track
from fillmask_export.divergence import Distribution, kl_divergence, softmax
from fillmask_export.in_order import THREADS, map_in_order
from fillmask_export.probes import Probe
from fillmask_export.tensor_outputs import open_tensors


def mean_divergences(model: ir.Model, changed: Sequence[ir.Model], probes: list[Probe]) -> NDArray[np.float64]:
    """Run graphs on texts.

    Args:
        model: The graph as it was.
        changed: The graphs to compare with it.
        probes: The texts.

    Returns:
        The mean KL divergence of each changed graph from the first over all masks, ``float64[len(changed)]``, in nats.
    """
    with ExitStack() as stack:
        sessions = [stack.enter_context(open_tensors(each, (), threads=THREADS)) for each in (model, *changed)]

        def divergences(probe: Probe) -> NDArray[np.float64]:
            exact, *others = (_run(session, probe) for session in sessions)
            return np.stack([kl_divergence(exact, other) for other in others])

        rows = [*map_in_order(divergences, track(probes, "comparing LM heads"))]
    means: NDArray[np.float64] = np.concatenate(rows, axis=1).mean(axis=1)
    return means


def _run(session: ort.InferenceSession, probe: Probe) -> Distribution:
    (logits,) = session.run(["logits"], probe.feeds([value.name for value in session.get_inputs()]))
    return softmax(logits[0])
