"""The progress bar."""

from __future__ import annotations

from tqdm import tqdm  # type: ignore[import-untyped]

from fillmask_export.training.progress import Progress

_FORMAT = "{desc} |{bar:20}| {percentage:.1f}% {postfix[0]}"


class Display:
    """Shows a training's progress, speed and loss, as a running mean over about a hundred steps."""

    def __init__(self, precision: str) -> None:
        self._bar = tqdm(total=100, desc=f"training in {precision}", bar_format=_FORMAT, mininterval=1, postfix=[""])
        self._loss: float | None = None

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, progress: Progress, share: float, loss: float) -> None:
        """Show a step.

        Args:
            progress: Steps, tokens and seconds so far.
            share: Spent share of the budget, from 0 to 1.
            loss: Loss of this step, in nats.
        """
        self._loss = loss if self._loss is None else 0.99 * self._loss + 0.01 * loss
        self._bar.postfix[0] = (
            f"{progress.steps} steps, {progress.tokens / 1e6:.2f} M tokens, {progress.seconds / 60:.1f} minutes, "
            f"{progress.tokens / max(progress.seconds, 1e-9):.0f} tokens/s, loss {self._loss:.3f}"
        )
        self._bar.update(100 * share - self._bar.n)
