"""ONNX Runtime's session inside a FillMask: its runs timed, repeated without what surrounds them, and profiled."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime as ort

from fillmask import FillMask

_WARM = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """A call and the run inside it.

    Attributes:
        call: Asks fillmask.
        run: Runs ONNX Runtime alone on the same arrays.
    """

    call: Callable[[], object]
    run: Callable[[], object]


class Spied:
    """A FillMask with a clock around its runs.

    Args:
        artifact: A model folder.
        variant: Of it.
        threads: Of one run.

    Attributes:
        session: ONNX Runtime's.
        arguments: Of the last run: names of outputs, and arrays by the names of inputs.
        run_ms: Of the last run.
    """

    def __init__(self, artifact: Path, variant: str, threads: int) -> None:
        self.fill_mask = FillMask(artifact, variant=variant, providers=["CPUExecutionProvider"], threads=threads)
        self.session: Any = self.fill_mask._session._session
        self.arguments: tuple[Any, ...] = ()
        self.run_ms = 0.0
        self.fill_mask._session._session = self

    def run(self, *arguments: object) -> object:
        """Stand in for the session's own."""
        self.arguments = arguments
        start = time.perf_counter_ns()
        logits: object = self.session.run(*arguments)
        self.run_ms = (time.perf_counter_ns() - start) / 1e6
        return logits

    def take(self, text: str) -> Asked:
        """Ask once, and keep what the session was given.

        Raises:
            RuntimeError: fillmask did not run its session.
        """
        self.arguments = ()
        self.fill_mask.predict(text)
        if not self.arguments:
            raise RuntimeError("fillmask answered without session.run, which is what is timed here")
        arguments, run = self.arguments, self.session.run
        return Asked(lambda: self.fill_mask.predict(text), lambda: run(*arguments))


def profile(artifact: Path, variant: str, threads: int, text: str, calls: int) -> list[dict[str, Any]]:
    """ONNX Runtime's events of ``calls`` calls, some before them excepted, in a session that fillmask sets up itself.

    Returns:
        The events of its profiler in the Chrome trace format.
    """
    with tempfile.TemporaryDirectory() as folder:
        original = ort.InferenceSession

        def start(graph: object, options: Any, **rest: Any) -> Any:  # noqa: ANN401 -- onnxruntime has no types
            options.enable_profiling, options.profile_file_prefix = True, str(Path(folder, "run"))
            return original(graph, options, **rest)

        ort.InferenceSession = start
        try:
            fill_mask = FillMask(artifact, variant=variant, providers=["CPUExecutionProvider"], threads=threads)
        finally:
            ort.InferenceSession = original
        for _ in range(_WARM + calls):
            fill_mask.predict(text)
        path = Path(fill_mask._session._session.end_profiling())
        return _last_runs(json.loads(path.read_text(encoding="utf-8")), calls)


def _last_runs(events: list[dict[str, Any]], calls: int) -> list[dict[str, Any]]:
    """The events from the start of the last so many runs on."""
    starts = sorted(event["ts"] for event in events if event.get("name") == "model_run")
    if len(starts) < calls:
        raise ValueError(f"the profile holds {len(starts)} runs, {calls} were made")
    return [event for event in events if event.get("ts", -1) >= starts[-calls]]
