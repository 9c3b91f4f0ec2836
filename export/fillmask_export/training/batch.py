"""Batches of tensors with selected and masked tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DataCollatorForLanguageModeling

from fillmask_export.special_tokens import special_tokens_around
from fillmask_export.training.recipe import Recipe
from fillmask_export.training.sequences import Sequences
from fillmask_export.training.shapes import head_rows


@dataclass(frozen=True, slots=True)
class Batch:
    """The input of one step.

    Attributes:
        input_ids: ``int64[b, s]``, with masks.
        attention_mask: ``int64[b, s]``.
        selected: ``bool[b, s]``, n tokens to predict.
        labels: ``int64[n]``, the ids of the selected tokens.
        head_rows: Rows that the head runs for: n, and padding.
    """

    input_ids: Tensor
    attention_mask: Tensor
    selected: Tensor
    labels: Tensor
    head_rows: int

    def to(self, device: torch.device) -> Batch:
        """Copy the batch to a device."""
        return Batch(
            self.input_ids.to(device),
            self.attention_mask.to(device),
            self.selected.to(device),
            self.labels.to(device),
            self.head_rows,
        )


class Batcher:
    """Makes batches of sequences; the masks depend on nothing but the sequences and the seed."""

    def __init__(self, tokenizer: Any, recipe: Recipe) -> None:  # noqa: ANN401
        self.prefix, self.suffix = special_tokens_around(tokenizer)
        self.padding = tokenizer.pad_token_id or 0
        self.expected = recipe.batch_tokens * recipe.selected
        self.collator = DataCollatorForLanguageModeling(
            tokenizer,
            mlm_probability=recipe.selected,
            mask_replace_prob=recipe.masked,
            random_replace_prob=recipe.random,
        )

    @property
    def special(self) -> int:
        """Number of special tokens in a sequence."""
        return len(self.prefix) + len(self.suffix)

    def make(self, ids: NDArray[np.uint32], sequences: Sequences, shape: tuple[int, int], seed: int) -> Batch:
        """Read sequences, pad them to a shape, and mask some of their tokens.

        Args:
            ids: ``uint32[tokens]``, the ids of all texts.
            sequences: At most as many as the shape has rows. A row without one has nothing to predict.
            shape: Rows and columns of the batch.
            seed: Decides which tokens are masked.
        """
        lengths = np.full(shape[0], self.special)
        lengths[: len(sequences.lengths)] += sequences.lengths
        columns = np.arange(shape[1])
        body = (columns >= len(self.prefix)) & (columns < (lengths - len(self.suffix))[:, None])
        input_ids = np.full(body.shape, self.padding)
        input_ids[:, : len(self.prefix)] = self.prefix
        ranges = zip(sequences.starts.tolist(), (sequences.starts + sequences.lengths).tolist(), strict=True)
        input_ids[body] = np.concatenate([ids[start:end] for start, end in ranges])
        for offset, token in enumerate(self.suffix):
            input_ids[np.arange(len(lengths)), lengths - len(self.suffix) + offset] = token
        attended = columns < np.maximum(lengths, 1)[:, None]  # a row without any would be NaN in some attentions
        return self._mask(torch.from_numpy(input_ids), torch.from_numpy(attended), torch.from_numpy(body), seed)

    def _mask(self, input_ids: Tensor, attended: Tensor, body: Tensor, seed: int) -> Batch:
        self.collator.generator = torch.Generator().manual_seed(seed)
        masked, labels = self.collator.torch_mask_tokens(input_ids, special_tokens_mask=~body)
        selected = labels != -100
        predicted = labels[selected]
        return Batch(masked, attended.long(), selected, predicted, head_rows(len(predicted), self.expected))
