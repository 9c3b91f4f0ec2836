"""How long a text takes in each scheme: all schemes by turns in one process, one thread, one mask."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import onnxruntime as ort

from benchmarks.schemes.graphs import SCHEMES, path_of
from fillmask.encoding import Encoded
from fillmask.runtime.session import Session

LENGTHS = (16, 128)
Times = dict[str, dict[str, list[float]]]
"""Milliseconds by number of tokens and scheme, round by round."""


def time_schemes(folder: Path, rounds: int) -> Times:
    """Time the graphs of all schemes, which lie in a folder."""
    times: Times = {}
    loaded = {scheme: _load(folder, scheme) for scheme in SCHEMES}
    for tokens in LENGTHS:
        runs = {scheme: run(tokens) for scheme, run in loaded.items()}
        found: dict[str, list[float]] = {scheme: [] for scheme in SCHEMES}
        times[str(tokens)] = found
        with click.progressbar(range(rounds + 1), label=f"{tokens} tokens") as counted:
            for number in counted:
                for scheme, run in runs.items():
                    elapsed = _time(run)
                    if number:  # the first round does not count
                        found[scheme].append(elapsed)
    return times


def _load(folder: Path, scheme: str) -> Callable[[int], Callable[[], object]]:
    """Open a session; what is returned makes a run for a number of tokens."""
    path = path_of(folder, scheme)
    if SCHEMES[scheme].engine:
        session = Session(path, threads=1)
        return lambda tokens: lambda: session.run(_encoded(tokens), np.array([[tokens // 2]]))
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    plain = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [node.name for node in plain.get_inputs()]
    return lambda tokens: lambda: plain.run(["logits"], {name: _feed(name, tokens) for name in names})


def _encoded(tokens: int) -> Encoded:
    return Encoded(_feed("input_ids", tokens), _feed("attention_mask", tokens))


def _feed(name: str, tokens: int) -> np.ndarray:
    ids = np.arange(tokens, dtype=np.int64)[None] % 20 + 5
    return {"attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}.get(name, ids)


def _time(run: Callable[[], object]) -> float:
    start = time.perf_counter_ns()
    run()
    return round((time.perf_counter_ns() - start) / 1e6, 3)
