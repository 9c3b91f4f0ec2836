"""Contenders that score whole texts: log probabilities of tokens that are masked one after the other.

``minicons`` scores sentences; ``transformers`` is the batched loop that reads the matrix of a protein; fillmask does
both. Each takes the texts in batches of similar length, so that little is padded.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contenders import precision_of
from benchmarks.device import Device
from benchmarks.harness.measured import mean_seconds
from benchmarks.models.folders import ModelFolders
from fillmask import FillMask, InputError
from fillmask.executor import run_task
from fillmask.tasks import Result, Task
from fillmask.tasks.marginals import AMINO_ACIDS, MARGINALS

MATRIX = "marginals"
"""The method of a protein: the log probabilities of 20 amino acids at each residue, one residue after the other."""
MATRIX_ROWS = 32
"""Of a matrix, those that are read: the first. It is one round of fillmask's task."""
LogProbs = list[list[float]]
_LEAST_SECONDS = 1.0
_METRICS = {"original": "original", "word_l2r": "within_word_l2r"}


class FillMaskScorer:
    """fillmask: a sentence on each core, and a protein on both."""

    def __init__(self, folders: ModelFolders, cores: int, precision: str) -> None:
        self._one, self._all = (
            FillMask(folders.artifact, variant=precision, providers=["CPUExecutionProvider"], threads=threads)
            for threads in (1, cores)
        )
        self._cores = cores
        self.settings = {"variant": precision, "threads": f"1 and {cores} workers; of a matrix {cores}"}

    def score(self, texts: list[str], method: str, batch_size: int) -> LogProbs:
        """See ``MeasuredScorer.scores``."""
        if method == MATRIX:
            return [self._matrix(text) for text in texts]
        results = list(self._one.score_many(texts, method=method, workers=self._cores))  # type: ignore[arg-type]
        if errors := [each for each in results if isinstance(each, InputError)]:
            raise errors[0]
        return [[token.log_prob for token in each.tokens] for each in results if not isinstance(each, InputError)]

    def _matrix(self, text: str) -> list[float]:
        model = self._all.model
        task = MARGINALS.task(model, text, MARGINALS.resolve(model, alphabet=AMINO_ACIDS).value)
        rows: list[NDArray[np.float32]] = run_task(model, _first_rows(task)).value
        return np.concatenate(rows).ravel().tolist()


class Minicons:
    """minicons on PyTorch, attention by scaled_dot_product_attention; all rows of a batch of texts run together."""

    def __init__(self, folders: ModelFolders, cores: int, precision: str) -> None:
        from minicons.scorer import MaskedLMScorer

        self._torch, tokenizer, model = _pytorch(folders, cores, precision)
        self._scorer: Any = MaskedLMScorer(model, "cpu", tokenizer=tokenizer)
        self.settings = {"threads": cores, "precision": precision, "inference_mode": True}

    def score(self, texts: list[str], method: str, batch_size: int) -> LogProbs:
        """See ``MeasuredScorer.scores``."""
        found: LogProbs = []
        with self._torch.inference_mode():
            for batch in _batches(texts, batch_size):
                found += self._scorer.sequence_score(batch, lambda each: each.tolist(), PLL_metric=_METRICS[method])
        return found


class Loop:
    """transformers: rows with one residue masked each, in batches, and the logits at the masks, for some residues."""

    def __init__(self, folders: ModelFolders, cores: int, precision: str) -> None:
        self._torch, self._tokenizer, self._model = _pytorch(folders, cores, precision)
        self._acids: list[int] = self._tokenizer.convert_tokens_to_ids(list(AMINO_ACIDS))
        self.settings = {"threads": cores, "precision": precision, "inference_mode": True}

    def score(self, texts: list[str], method: str, batch_size: int) -> LogProbs:
        """See ``MeasuredScorer.scores``."""
        with self._torch.inference_mode():
            return [self._matrix(text, batch_size) for text in texts]

    def _matrix(self, text: str, batch_size: int) -> list[float]:
        ids = self._tokenizer(text, return_tensors="pt").input_ids
        found: list[float] = []
        for batch in _batches(list(range(1, ids.shape[1] - 1))[:MATRIX_ROWS], batch_size):
            rows, each = ids.repeat(len(batch), 1), self._torch.arange(len(batch))
            rows[each, batch] = self._tokenizer.mask_token_id
            logits = self._model(input_ids=rows).logits[each, batch].float()
            found += logits.log_softmax(-1)[:, self._acids].flatten().tolist()
        return found


_KINDS: dict[str, type[FillMaskScorer | Minicons | Loop]] = {"minicons": Minicons, "transformers": Loop}


class MeasuredScorer:
    """A contender in its process, and a clock."""

    _scorer: FillMaskScorer | Minicons | Loop

    def load(self, name: str, folders: ModelFolders, threads: int, device: Device) -> dict[str, Any]:
        """Load a contender, and give its settings."""
        self._scorer = _KINDS.get(name.partition("-")[0], FillMaskScorer)(folders, threads, precision_of(name, device))
        return self._scorer.settings

    def scores(self, texts: list[str], method: str, batch_size: int) -> LogProbs:
        """The log probabilities of each text, in nats: of its tokens, or its matrix row by row.

        Args:
            texts: Any number, sorted by length.
            method: ``"original"``, ``"word_l2r"`` or ``MATRIX``.
            batch_size: Texts of a run, or for ``MATRIX`` rows of a run. fillmask chooses by itself.
        """
        return self._scorer.score(texts, method, batch_size)

    def seconds(self, texts: list[str], method: str, batch_size: int) -> float:
        """Seconds for all texts, the mean over as many repetitions as take a second."""
        return mean_seconds(partial(self._scorer.score, texts, method, batch_size), _LEAST_SECONDS)


def _first_rows(task: Task[Any]) -> Task[list[Any]]:
    """The first rows that a task reads, without the rest."""
    return Result((yield next(task)[:MATRIX_ROWS]))


def _pytorch(folders: ModelFolders, cores: int, precision: str) -> tuple[Any, Any, Any]:
    """PyTorch, the tokenizer and the model."""
    import torch
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    torch.set_num_threads(cores)
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    options = {"attn_implementation": "sdpa", "dtype": dtype}
    model = AutoModelForMaskedLM.from_pretrained(folders.checkpoint, **options).eval()
    return torch, AutoTokenizer.from_pretrained(str(folders.checkpoint)), model


def _batches(items: list[Any], size: int) -> list[list[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
