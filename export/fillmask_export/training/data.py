"""The text of a training: the batches of all steps, and the held-out text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice

import numpy as np

from fillmask_export.training.batch import Batch, Batcher
from fillmask_export.training.errors import TrainingError
from fillmask_export.training.recipe import Recipe
from fillmask_export.training.sequences import Sequences, batches, cut, held_out
from fillmask_export.training.shapes import Shapes
from fillmask_export.training.tokens import Tokens

_SAMPLED = 32


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

    @property
    def shapes(self) -> Shapes:
        """The shapes of all batches."""
        return Shapes(self.recipe.batch_tokens, self.max_content + self.batcher.special)

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
            for group in batches(sequences, rng, self.shapes, self.batcher.special):
                if step >= start:
                    yield self._make(group, step)
                step += 1

    def samples(self) -> list[Batch]:
        """A few of the first batches: a short one, one of usual length, and a long one."""
        first = sorted(islice(self.stream(0), _SAMPLED), key=lambda batch: batch.input_ids.shape[1])
        return [first[len(first) * share // 10] for share in (2, 5, 8)]

    def held(self) -> dict[str, list[Batch]]:
        """The held-out text in the batches ``"short"`` and ``"long"``: the same at each call, masks included."""
        rng = np.random.default_rng(self.recipe.seed)
        sequences = cut(self.tokens, held_out(self.tokens, self.recipe), self.recipe, rng, self.max_content)
        long = sequences.lengths > self.recipe.short_length
        made: dict[str, list[Batch]] = {}
        for name, chosen in (("short", ~long), ("long", long)):
            part = sequences.take(np.flatnonzero(chosen))
            groups = batches(part, rng, self.shapes, self.batcher.special) if chosen.any() else []
            made[name] = [self._make(group, number) for number, group in enumerate(groups)]
        return {name: held for name, held in made.items() if any(len(batch.labels) for batch in held)}

    def _make(self, group: Sequences, number: int) -> Batch:
        shape = self.shapes.of(int(group.lengths.max()) + self.batcher.special)
        return self.batcher.make(self.tokens.ids, group, shape, self.recipe.seed + number)
