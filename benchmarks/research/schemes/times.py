"""Time of one text in each scheme: all schemes in turns in one process, one thread, one mask."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from benchmarks.harness.rounds import run_rounds
from benchmarks.research.schemes.graphs import SCHEMES, path_of
from fillmask.runtime.session import Session

LENGTHS = (16, 128)
Times = dict[str, dict[str, list[float]]]
"""Milliseconds by number of tokens and scheme, round by round."""
Run = Callable[[int], object]
"""Runs a graph on a text of so many tokens."""


def time_schemes(folder: Path, rounds: int) -> Times:
    """Time the graphs of all schemes in a folder."""
    runs = {scheme: _load(folder, scheme) for scheme in SCHEMES}
    return {
        str(tokens): run_rounds(
            {scheme: partial(_milliseconds, run, tokens) for scheme, run in runs.items()}, rounds, f"{tokens} tokens"
        ).samples
        for tokens in LENGTHS
    }


def _load(folder: Path, scheme: str) -> Run:
    path = path_of(folder, scheme)
    if SCHEMES[scheme].engine:
        session = Session(path, threads=1)
        return lambda tokens: session.run(
            _feed("input_ids", tokens), _feed("attention_mask", tokens), np.array([[tokens // 2]])
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    plain = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [node.name for node in plain.get_inputs()]
    return lambda tokens: plain.run(["logits"], {name: _feed(name, tokens) for name in names})


def _feed(name: str, tokens: int) -> NDArray[np.int64]:
    ids = np.arange(tokens, dtype=np.int64)[None] % 20 + 5
    return {"attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}.get(name, ids)


def _milliseconds(run: Run, tokens: int) -> float:
    start = time.perf_counter_ns()
    run(tokens)
    return round((time.perf_counter_ns() - start) / 1e6, 3)
