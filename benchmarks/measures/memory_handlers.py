"""The commands of a process whose memory is traced: each returns the memory after a stage of a contender."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from benchmarks.contenders import Contender, open_contender
from benchmarks.harness.worker import Handlers
from benchmarks.models.folders import from_json
from fillmask.environment import process_memory

HANDLERS = "benchmarks.measures.memory_handlers:handlers"
_PIPELINE = ("torch", "transformers:pipeline", "transformers:AutoModelForMaskedLM", "transformers:AutoTokenizer")
_IMPORTS = {
    "fillmask": ("fillmask:FillMask",),
    "optimum": (*_PIPELINE, "optimum.onnxruntime:ORTModelForMaskedLM"),
    "transformers": _PIPELINE,
}


def handlers() -> Handlers:
    """The commands of a worker."""
    stages = Stages()
    return {name: getattr(stages, name) for name in ("start", "imports", "load", "predict")}


class Stages:
    """The stages of a contender."""

    _contender: Contender

    def __init__(self) -> None:
        self._predicted = 0
        self._leaked: list[bytes] = []

    def start(self) -> dict[str, float]:
        """Do nothing yet."""
        return memory()

    def imports(self, name: str) -> dict[str, float]:
        """Import what the contender's user imports."""
        for each in _IMPORTS[name.partition("-")[0]]:
            module, _, attribute = each.partition(":")
            imported = import_module(module)
            if attribute:
                getattr(imported, attribute)  # these packages import their parts on first access
        return memory()

    def load(self, name: str, folders: dict[str, Any], threads: int) -> dict[str, float]:
        """Load the contender."""
        self._contender = open_contender(name, from_json(folders), threads)
        return memory()

    def predict(self, texts: list[str], number: int, leak_bytes: int = 0) -> dict[str, float]:
        """Predict texts in turn.

        Args:
            texts: With one mask each.
            number: Of predictions.
            leak_bytes: To lose with each, which proves that a leak would be seen.
        """
        for _ in range(number):
            self._contender.predict([texts[self._predicted % len(texts)]])
            self._predicted += 1
            if leak_bytes:
                self._leaked.append(b"x" * leak_bytes)
        return memory()


def memory() -> dict[str, float]:
    """MB of this process, as ``fillmask.environment.Memory`` has them.

    Raises:
        OSError: The system does not report them; Linux does.
    """
    found = process_memory()
    if found is None:
        raise OSError("this system does not report the memory of a process; Linux 4.14 and later do")
    return {"rss": found.rss / 1e6, "pss": found.pss / 1e6, "peak": found.peak / 1e6}
