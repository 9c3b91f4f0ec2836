"""A FillMask whose runs in ONNX Runtime are timed, repeated alone, or profiled, all after it moved to huge pages."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import onnxruntime as ort

from fillmask import FillMask
from fillmask.shortcuts import huge_pages


class InstrumentedModel:
    """A FillMask with a clock around its session's runs.

    Args:
        artifact: A model folder.
        variant: Of it.
        threads: Of one run.

    Attributes:
        fill_mask: The model.
        run_ms: Milliseconds of the last run.
    """

    def __init__(self, artifact: Path, variant: str, threads: int) -> None:
        self.fill_mask = _open(artifact, variant, threads)
        self.run_ms = 0.0
        self._arguments: tuple[Any, ...] = ()
        session = self.fill_mask.model.session
        self._run, session.ort = session.ort.run, SimpleNamespace(run=self._timed)

    def bare_run(self, text: str) -> Callable[[], Any]:
        """Call, and give what runs ONNX Runtime alone on the arrays that the session got.

        Raises:
            RuntimeError: fillmask did not run its session.
        """
        self._arguments = ()
        _settle(self.fill_mask, text)
        if not self._arguments:
            raise RuntimeError("fillmask predicted without session.run, which is what is timed here")
        arguments, run = self._arguments, self._run
        return lambda: run(*arguments)

    def _timed(self, *arguments: object) -> object:
        self._arguments = arguments
        start = time.perf_counter_ns()
        logits: object = self._run(*arguments)
        self.run_ms = (time.perf_counter_ns() - start) / 1e6
        return logits


def profile(artifact: Path, variant: str, threads: int, text: str, calls: int) -> list[dict[str, Any]]:
    """ONNX Runtime's events of so many calls, in a session that fillmask configures; those that warm up do not count.

    Returns:
        The events of its profiler in the Chrome trace format.
    """
    original = ort.InferenceSession
    with tempfile.TemporaryDirectory() as folder:

        def start(graph: object, options: Any, **rest: object) -> object:  # noqa: ANN401 -- onnxruntime has no types
            options.enable_profiling, options.profile_file_prefix = True, str(Path(folder, "run"))
            return original(graph, options, **rest)

        with patch.object(ort, "InferenceSession", start):
            fill_mask = _open(artifact, variant, threads)
        _settle(fill_mask, text)
        for _ in range(calls):
            fill_mask.predict(text)
        events = json.loads(Path(fill_mask.model.session.ort.end_profiling()).read_text(encoding="utf-8"))
    starts = sorted(event["ts"] for event in events if event.get("name") == "model_run")
    return [event for event in events if event.get("ts", -1) >= starts[-calls]]


def _open(artifact: Path, variant: str, threads: int) -> FillMask:
    return FillMask(artifact, variant=variant, providers=["CPUExecutionProvider"], threads=threads)


def _settle(fill_mask: FillMask, text: str) -> None:
    """Call until the session moves its memory to huge pages, and wait for that: it takes as long as a hundred runs."""
    for _ in range(huge_pages.RUNS):
        fill_mask.predict(text)
    for thread in threading.enumerate():
        if thread.name == huge_pages.THREAD:
            thread.join()
