"""The memory of this process, as Linux counts it, at the stages of a contender's life in it."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.contenders import Contender, open_contender
from benchmarks.harness.worker import Handlers
from benchmarks.models.folders import from_json

HANDLERS = "benchmarks.measures.memory:handlers"
_PIPELINE = ("torch", "transformers:pipeline", "transformers:AutoModelForMaskedLM", "transformers:AutoTokenizer")
_IMPORTS = {
    "fillmask": ("fillmask:FillMask",),
    "optimum": (*_PIPELINE, "optimum.onnxruntime:ORTModelForMaskedLM"),
    "transformers": _PIPELINE,
}


def handlers() -> Handlers:
    """The commands of a worker; the answer to each is the memory after it."""
    life = Life()
    return {name: getattr(life, name) for name in ("start", "imports", "load", "ask")}


class Life:
    """A contender that is loaded and asked."""

    _contender: Contender

    def __init__(self) -> None:
        self._asked = 0
        self._leaked: list[bytes] = []

    def start(self) -> dict[str, float]:
        """Do nothing yet."""
        return resident()

    def imports(self, name: str) -> dict[str, float]:
        """Import what the contender's user imports."""
        for each in _IMPORTS[name.partition("-")[0]]:
            module, _, attribute = each.partition(":")
            imported = import_module(module)
            if attribute:
                getattr(imported, attribute)  # these packages import their parts when they are asked for them
        return resident()

    def load(self, name: str, folders: dict[str, Any], threads: int) -> dict[str, float]:
        """Load the contender."""
        self._contender = open_contender(name, from_json(folders), threads)
        return resident()

    def ask(self, texts: list[str], number: int, leak_bytes: int = 0) -> dict[str, float]:
        """Ask the texts by turns.

        Args:
            texts: Of one mask each.
            number: Answers wanted.
            leak_bytes: Memory to lose with each, so that a leak is known to be seen.
        """
        for _ in range(number):
            self._contender.predict([texts[self._asked % len(texts)]])
            self._asked += 1
            if leak_bytes:
                self._leaked.append(b"x" * leak_bytes)
        return resident()


def resident() -> dict[str, float]:
    """MB of this process: ``rss``, ``pss``, in which pages that processes share are divided, and the ``peak`` of rss.

    Raises:
        OSError: This is not Linux.
    """
    return parse(Path("/proc/self/smaps_rollup").read_text(), Path("/proc/self/status").read_text())


def parse(rollup: str, status: str) -> dict[str, float]:
    """Read the two files of /proc.

    ``getrusage`` does not serve: a child starts with the peak of its parent. The kernel's own peak may be a few pages
    behind.

    Raises:
        ValueError: A number is missing.
    """
    found = {}
    for name, (field, content) in {"rss": ("Rss", rollup), "pss": ("Pss", rollup), "peak": ("VmHWM", status)}.items():
        match = re.search(rf"^{field}:\s+(\d+) kB$", content, re.MULTILINE)
        if match is None:
            raise ValueError(f"/proc says nothing of {field}, which Linux 4.14 and later do")
        found[name] = int(match[1]) * 1024 / 1e6
    return found | {"peak": max(found["peak"], found["rss"])}
