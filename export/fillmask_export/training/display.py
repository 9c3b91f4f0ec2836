"""The progress bar."""

from __future__ import annotations

from typing import Any

from fillmask.cli.bar import bar
from fillmask_export.training.progress import Progress


class Display:
    """Shows a training's progress, speed and loss, as a running mean over about a hundred steps."""

    def __init__(self, precision: str) -> None:
        self._bar: Any = bar(f"training in {precision}", 1.0)
        self._loss: float | None = None

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, progress: Progress, share: float, loss: float | None) -> None:
        """Show a step.

        Args:
            progress: Steps, tokens and seconds so far.
            share: Spent share of the budget, from 0 to 1.
            loss: Loss of this step, in nats; None is left out of the mean.
        """
        if loss is not None:
            self._loss = loss if self._loss is None else 0.99 * self._loss + 0.01 * loss
        note = (
            f"{progress.steps} steps, {progress.tokens / 1e6:.2f} M tokens, "
            f"{progress.tokens / max(progress.seconds, 1e-9):.0f} tokens/s"
        )
        if self._loss is not None:
            note += f", loss {self._loss:.3f}"
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(share - self._bar.n)
