"""Who is asked: a model folder through the engine, or a checkpoint in PyTorch."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.cloze.rows import Judgement, Reader, Row, batches, judge_batch, pad_positions
from fillmask import FillMask, InputError
from fillmask.artifact.folder import Artifact
from fillmask.artifact.tokenizer import open_tokenizer
from fillmask.encoding import Encoded, pad
from fillmask.runtime.cpu import available_threads

_FIRST = 5


class Subject(Protocol):
    """A masked LM that is asked.

    Attributes:
        name: What its results are called.
        files: SHA-256 of the files that hold its graph and weights.
        reader: Makes its rows.
    """

    name: str
    files: dict[str, str]
    reader: Reader

    def first(self, texts: Sequence[str]) -> list[list[int]]:
        """The five tokens it puts first behind the only mask of each text, best first."""

    def judge(self, rows: Sequence[Row]) -> list[Judgement]:
        """What it thinks of each row's labels."""


class Engine:
    """A model folder, asked through FillMask.

    Words are asked for through ``predict_many``. Masks inside words, and the probability of a given token, have no
    spelling as text, so rows go to the engine's session: its padding, its graph, its providers.

    Args:
        model: As FillMask takes it; None for the embedded model.
        variant: As FillMask takes it.
    """

    def __init__(self, model: Path | None, variant: str = "auto") -> None:
        self._fill_mask = FillMask(model, variant=variant, providers=["CPUExecutionProvider"], threads=1)
        artifact = self._fill_mask.artifact
        self.name = f"{artifact.folder.name} {self._fill_mask.variant}"
        self.files = _hashes(
            artifact.folder.glob(f"{Path(artifact.variants[self._fill_mask.variant]).with_suffix('')}.*")
        )
        self.reader = Reader(self._fill_mask._tokenization)
        self._workers = available_threads()
        self._together = _batched(self._fill_mask)

    def first(self, texts: Sequence[str]) -> list[list[int]]:
        """See ``Subject``."""
        size = 16 if self._together > 1 else 1
        answers = self._fill_mask.predict_many(
            texts, top_k=_FIRST, truncation="window", batch_size=size, workers=self._workers
        )
        found = []
        for text, answer in zip(texts, _watched(answers, len(texts), self.name), strict=True):
            if isinstance(answer, InputError):
                raise ValueError(f"{text!r} has no answer: {answer}")
            found.append([prediction.token for prediction in answer[0]])
        return found

    def judge(self, rows: Sequence[Row]) -> list[Judgement]:
        """See ``Subject``."""
        planned = batches(rows, self._together)
        with ThreadPoolExecutor(self._workers) as pool:
            judged = pool.map(self._run, ([rows[index] for index in batch] for batch in planned))
            return _in_order(planned, _watched(judged, len(planned), self.name))

    def _run(self, rows: Sequence[Row]) -> list[Judgement]:
        encoded = pad([row.input_ids for row in rows], self.reader.tokenization.pad_token_id or 0)
        return list(judge_batch(self._fill_mask._session.run(encoded, pad_positions(rows)), rows))


class Checkpoint:
    """A checkpoint in PyTorch, fp32.

    Args:
        folder: As ``from_pretrained`` takes it.
    """

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoModelForMaskedLM

        torch.set_num_threads(available_threads())
        self.name = f"{folder.name} in PyTorch"
        self.files = _hashes([*folder.glob("*.safetensors"), *folder.glob("pytorch_model*.bin")])
        self.reader = Reader(open_tokenizer(Artifact(folder, str(folder), None, {}, {})))
        self._model = AutoModelForMaskedLM.from_pretrained(folder, torch_dtype=torch.float32).eval()

    def first(self, texts: Sequence[str]) -> list[list[int]]:
        """See ``Subject``."""
        rows = [self._row(text) for text in texts]
        return self._each(rows, lambda logits, batch: [np.argsort(-each[0])[:_FIRST].tolist() for each in logits])

    def judge(self, rows: Sequence[Row]) -> list[Judgement]:
        """See ``Subject``."""
        return self._each(rows, lambda logits, batch: list(judge_batch(logits, batch)))

    def _row(self, text: str) -> Row:
        ids = self.reader.encode(text)
        (positions,) = np.nonzero(ids == self.reader.tokenization.mask_token_id)
        return Row(ids, positions, np.zeros_like(positions))

    def _each(self, rows: Sequence[Row], judge: Callable[[NDArray[np.float32], list[Row]], list[Any]]) -> list[Any]:
        planned = batches(rows)
        each = ([rows[index] for index in batch] for batch in planned)
        found = (judge(self._logits(batch), batch) for batch in each)
        return _in_order(planned, _watched(found, len(planned), self.name))

    def _logits(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        """Logits at the masks, ``float32[b, m, V]``; only there does the LM head run, which else takes most time."""
        import torch

        encoded = pad([row.input_ids for row in rows], self.reader.tokenization.pad_token_id or 0)
        positions = torch.from_numpy(pad_positions(rows))

        def at_masks(module: object, inputs: object, output: Any) -> Any:  # noqa: ANN401 -- transformers' ModelOutput
            hidden = output[0]
            output["last_hidden_state"] = hidden.gather(1, positions[..., None].expand(-1, -1, hidden.shape[-1]))
            return output

        hook = self._model.base_model.register_forward_hook(at_masks)
        try:
            with torch.inference_mode():
                logits = self._model(**_tensors(encoded)).logits
        finally:
            hook.remove()
        return np.asarray(logits.numpy())


def _batched(fill_mask: FillMask) -> int:
    """Rows of a batch: one where rows would change each other's scores."""
    if fill_mask.batch_invariant:
        return 32
    click.echo(f"{fill_mask!r} is not batch-invariant: asked row by row", err=True)
    return 1


def _hashes(paths: Iterable[Path]) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(paths)}


def _tensors(encoded: Encoded) -> dict[str, Any]:
    import torch

    return {name: torch.tensor(getattr(encoded, name)) for name in ("input_ids", "attention_mask")}


def _in_order(planned: Sequence[list[int]], found: Iterator[list[Any]]) -> list[Any]:
    """What was found for batches, in the order of the rows."""
    ordered: list[Any] = [None] * sum(map(len, planned))
    for batch, each in zip(planned, found, strict=True):
        for index, one in zip(batch, each, strict=True):
            ordered[index] = one
    return ordered


def _watched(found: Iterator[Any], count: int, name: str) -> Iterator[Any]:
    """The same items, behind a progress bar on standard error."""
    with click.progressbar(found, length=count, label=f"  {name}", file=sys.stderr) as bar:
        yield from bar
