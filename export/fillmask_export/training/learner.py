"""The model and its optimizer: steps, precision, and the state of a continued training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import perf_counter
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 -- the usual name
from transformers import PreTrainedModel

from fillmask_export.training.batch import Batch
from fillmask_export.training.model import logits_at, make_optimizer
from fillmask_export.training.progress import rate
from fillmask_export.training.recipe import Recipe

_PRECISIONS = ("fp32", "bf16")
_RUNS = 3  # of a batch in each precision, to choose one


class Learner:
    """A model and its optimizer.

    Attributes:
        model: In evaluation mode, on its device.
        device: The model's device.
        precision: ``"fp32"``, ``"bf16"``, or ``"auto"`` until ``choose_precision``.
    """

    def __init__(self, model: PreTrainedModel, new: list[str], recipe: Recipe) -> None:
        self.device = model.device
        self.model = model
        self.precision = recipe.precision
        self._recipe = recipe
        self._optimizer = make_optimizer(model, new, recipe)

    def step(self, batch: Batch, share: float) -> float | None:
        """Take one step on a batch at a share of the budget.

        Returns:
            Its loss in nats; None for a batch without a selected token, whose loss is NaN and whose gradients are zero.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = group["peak"] * rate(share, self._recipe.warmup)
        loss = self._gradients(batch, self.precision)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return loss if len(batch.labels) else None

    @torch.inference_mode()
    def evaluate(self, batches: Iterable[Batch]) -> dict[str, Any]:
        """Mean loss in nats and accuracy of the first prediction over the selected tokens of batches, in fp32."""
        loss = right = count = 0.0
        for each in batches:
            batch = each.to(self.device)
            logits = logits_at(self.model, batch).float()
            loss += F.cross_entropy(logits, batch.labels, reduction="sum").item()
            right += (logits.argmax(-1) == batch.labels).sum().item()
            count += len(batch.labels)
        return {"loss": round(loss / count, 4), "accuracy": round(right / count, 4), "tokens": int(count)}

    def choose_precision(self, batches: Sequence[Batch]) -> None:
        """Resolve ``"auto"`` by timing both: few CPUs have bf16 instructions; on others bf16 is slower than fp32.

        Args:
            batches: Batches of the shapes that the training will have. Each runs several times: the first run makes the
                kernels of its shape, which take longer in bf16, and does not count.
        """
        if self.precision != "auto":
            return
        seconds = dict.fromkeys(_PRECISIONS, 0.0)
        for batch in batches:
            for precision, runs in self._time(batch).items():
                seconds[precision] += min(runs[1:])
        self.precision = min(seconds, key=lambda precision: seconds[precision])

    def _time(self, batch: Batch) -> dict[str, list[float]]:
        """Seconds of the runs of a batch in each precision, in turns."""
        seconds: dict[str, list[float]] = {precision: [] for precision in _PRECISIONS}
        for precision in _PRECISIONS * _RUNS:
            start = perf_counter()
            self._gradients(batch, precision)
            seconds[precision].append(perf_counter() - start)
            self._optimizer.zero_grad()
        return seconds

    def state(self) -> dict[str, Any]:
        """The argument of ``load``."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "precision": self.precision,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.precision = state["precision"]

    def _gradients(self, each: Batch, precision: str) -> float:
        batch = each.to(self.device)
        loss = F.cross_entropy(logits_at(self.model, batch, precision).float(), batch.labels)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()
