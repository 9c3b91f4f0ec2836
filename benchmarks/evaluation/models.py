"""A masked LM under evaluation, whatever runs it."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.evaluation.rows import Row, RowEncoder, Scores, batches, score

Logits = Callable[[Sequence[Row]], NDArray[np.float32]]
"""Runs rows of equal length and ``m`` masks each; gives the logits at the masks, ``float32[b, m, V]``."""


@dataclass(frozen=True, slots=True)
class Model:
    """A masked LM.

    Attributes:
        name: In tables.
        files: SHA-256 of the files of its graph and weights, by name.
        encoder: Makes its rows.
        logits: Runs it.
        batch_size: Rows of one run; 1 where rows would change each other's scores.
        workers: Runs at the same time.
    """

    name: str
    files: dict[str, str]
    encoder: RowEncoder
    logits: Logits
    batch_size: int = 32
    workers: int = 1

    def score(self, rows: Sequence[Row]) -> list[Scores]:
        """Score the labels of each row."""
        planned = batches(rows, self.batch_size)
        scores: dict[int, Scores] = {}
        with ThreadPoolExecutor(self.workers) as pool:
            runs = pool.map(lambda batch: self._run([rows[index] for index in batch]), planned)
            with click.progressbar(runs, length=len(planned), label=f"  {self.name}", file=sys.stderr) as watched:
                for batch, found in zip(planned, watched, strict=True):
                    scores.update(zip(batch, found, strict=True))
        return [scores[index] for index in range(len(rows))]

    def _run(self, rows: Sequence[Row]) -> list[Scores]:
        return [score(logits, row.labels) for logits, row in zip(self.logits(rows), rows, strict=True)]


def hashes(paths: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of files, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(paths)}
