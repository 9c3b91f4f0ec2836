"""The text of a training: the batches of all steps, and the held-out text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from fillmask_export.training.batch import Batch, Batcher
from fillmask_export.training.errors import TrainingError
from fillmask_export.training.recipe import Recipe
from fillmask_export.training.sequences import batches, cut, held_out
from fillmask_export.training.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Data:
    """Tokens, and the settings that turn them into batches.

    Attributes:
        tokens: All text.
        batcher: Pads and masks.
        recipe: Has the lengths of sequences and the size of batches.
        max_content: Tokens of the longest sequence, without special tokens.
    """

    tokens: Tokens
    batcher: Batcher
    recipe: Recipe
    max_content: int

    def stream(self, start: int) -> Iterator[Batch]:
        """The batches of all epochs from a step on; each depends on nothing but the seed and its step.

        Raises:
            TrainingError: No sequence is long enough.
        """
        chosen = ~held_out(self.tokens, self.recipe)
        step = 0
        for epoch in count():
            rng = np.random.default_rng((self.recipe.seed, epoch))
            sequences = cut(self.tokens, chosen, self.recipe, rng, self.max_content)
            if not len(sequences.starts):
                raise TrainingError("the files hold nothing but lines too short to learn from")
            for group in batches(sequences, rng, self.recipe.batch_tokens, self.batcher.special):
                if step >= start:
                    yield self.batcher.make(self.tokens.ids, group, self.recipe.seed + step)
                step += 1

    def held(self) -> dict[str, list[Batch]]:
        """The held-out text in the batches ``"short"`` and ``"long"``: the same at each call, masks included."""
        rng = np.random.default_rng(self.recipe.seed)
        sequences = cut(self.tokens, held_out(self.tokens, self.recipe), self.recipe, rng, self.max_content)
        long = sequences.lengths > self.recipe.short_length
        made: dict[str, list[Batch]] = {}
        for name, chosen in (("short", ~long), ("long", long)):
            part = sequences.take(np.flatnonzero(chosen))
            groups = batches(part, rng, self.recipe.batch_tokens, self.batcher.special) if chosen.any() else []
            made[name] = [
                self.batcher.make(self.tokens.ids, each, self.recipe.seed + n) for n, each in enumerate(groups)
            ]
        return {name: held for name, held in made.items() if any(len(batch.labels) for batch in held)}
