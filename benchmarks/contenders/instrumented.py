"""ONNX Runtime's session inside a FillMask: its runs timed, repeated alone, and profiled."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnxruntime as ort

from fillmask import FillMask

_WARM = 3


class InstrumentedModel:
    """A FillMask with a clock around its session's runs.

    Args:
        artifact: A model folder.
        variant: Of it.
        threads: Of one run.
        change: Changes the options of the session before it is made.

    Attributes:
        fill_mask: The model.
        session: ONNX Runtime's session.
        run_ms: Milliseconds of the last run.
    """

    def __init__(
        self, artifact: Path, variant: str, threads: int, change: Callable[[Any], None] = lambda options: None
    ) -> None:
        self.session: Any = None
        self.run_ms = 0.0
        self._arguments: tuple[Any, ...] = ()
        with _intercepted_sessions(change, self._wrap):
            self.fill_mask = FillMask(artifact, variant=variant, providers=["CPUExecutionProvider"], threads=threads)

    def bare_run(self, text: str) -> Callable[[], Any]:
        """Call once, and give what runs ONNX Runtime alone on the arrays that the session got.

        Raises:
            RuntimeError: fillmask did not run its session.
        """
        self._arguments = ()
        self.fill_mask.predict(text)
        if not self._arguments:
            raise RuntimeError("fillmask predicted without session.run, which is what is timed here")
        arguments, run = self._arguments, self.session.run
        return lambda: run(*arguments)

    def run(self, *arguments: object) -> object:
        """Time a run of the session."""
        self._arguments = arguments
        start = time.perf_counter_ns()
        logits: object = self.session.run(*arguments)
        self.run_ms = (time.perf_counter_ns() - start) / 1e6
        return logits

    def _wrap(self, session: object) -> object:
        self.session = session
        return _TimedSession(self)


class _TimedSession:
    """A session whose runs go through its model's clock."""

    def __init__(self, model: InstrumentedModel) -> None:
        self._model = model
        self.run = model.run

    def __getattr__(self, name: str) -> object:
        return getattr(self._model.session, name)


def profile(artifact: Path, variant: str, threads: int, text: str, calls: int) -> list[dict[str, Any]]:
    """ONNX Runtime's events of so many calls, in a session that fillmask configures; some warm-up calls do not count.

    Returns:
        The events of its profiler in the Chrome trace format.
    """
    with tempfile.TemporaryDirectory() as folder:

        def enable(options: Any) -> None:  # noqa: ANN401 -- onnxruntime has no types
            options.enable_profiling, options.profile_file_prefix = True, str(Path(folder, "run"))

        model = InstrumentedModel(artifact, variant, threads, enable)
        for _ in range(_WARM + calls):
            model.fill_mask.predict(text)
        events = json.loads(Path(model.session.end_profiling()).read_text(encoding="utf-8"))
    starts = sorted(event["ts"] for event in events if event.get("name") == "model_run")
    return [event for event in events if event.get("ts", -1) >= starts[-calls]]


@contextmanager
def _intercepted_sessions(change: Callable[[Any], None], wrap: Callable[[object], object]) -> Iterator[None]:
    """Sessions made meanwhile get changed options, and are wrapped."""
    original = ort.InferenceSession

    def start(graph: object, options: object, **rest: object) -> object:
        change(options)
        return wrap(original(graph, options, **rest))

    ort.InferenceSession = start
    try:
        yield
    finally:
        ort.InferenceSession = original
