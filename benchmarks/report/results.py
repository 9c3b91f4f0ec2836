"""The records, and why the numbers of one may not be printed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.harness.records import Comparison, Record, case_name, read

# In the order of the page, with the question of each.
SUITES = {
    "accuracy": "Are the predictions those of the checkpoint in PyTorch?",
    "latency": "How long does one text take on one thread?",
    "throughput": "How many texts a second on two cores?",
    "score": "How fast are sentences scored, and the substitutions of a protein, on two cores?",
    "threads": "Is a second core better spent on the same text or on another? (Decided: the suite is part of commit "
    "5e44ab4.)",
    "startup": "How long is it from process start to the first prediction?",
    "memory": "How much memory is resident?",
    "size": "How many bytes are installed?",
    "overhead": "How fast is a call beside the run inside it?",
    "options": "Do other options of ONNX Runtime make a run faster? (Decided: the suite is part of commit cc294e4.)",
    "roofline": "How much of what the machine can do is used?",
    "server": "What does the server cost beside the library?",
    "batch": "How fast do files pass, on one machine and on Ray, beside the library?",
}
# Evaluations with pages of their own.
_ELSEWHERE = ("cloze", "emulation", "reliability", "schemes")
# Speeds of contenders whose predictions must be right.
_GATED = ("latency", "throughput", "threads")


@dataclass(frozen=True, slots=True)
class Results:
    """All records, in the order of the page, and the SHA-256 of the file of each by its name."""

    records: tuple[Record, ...]
    digests: Mapping[str, str]

    def find(self, suite: str, model: str = "", device: str = "cpu") -> Record | None:
        """The record of a suite, model and device, whether its numbers may be printed or not."""
        wanted = suite, model, device
        return next((each for each in self.records if (each.suite, each.model, each.device) == wanted), None)

    def usable(self, suite: str, model: str = "", device: str = "cpu") -> Record | None:
        """The same if its numbers may be printed."""
        found = self.find(suite, model, device)
        return None if found is None or self.unusable(found) else found

    def unusable(self, record: Record) -> list[str]:
        """Why no number of a record may be printed."""
        reasons = list(record.invalid_reasons)
        if record.profile == "quick":
            reasons.append("it is a quick run, which finds faults and no figures")
        if record.suite in _GATED:
            accuracy = self.find("accuracy", record.model, record.device)
            if accuracy is None:
                reasons.append("accuracy was not measured")
            elif not accuracy.valid:
                reasons.append("the accuracy run is not valid")
        return list(dict.fromkeys(reasons))

    def refused(self, record: Record) -> dict[str, str]:
        """By contender that failed the accuracy run, why it gets no speeds."""
        accuracy = self.find("accuracy", record.model, record.device) if record.suite in _GATED else None
        refused: dict[str, str] = {} if accuracy is None else accuracy.params.get("refused", {})
        return refused

    def comparisons(self, record: Record) -> list[Comparison]:
        """Those between contenders that are not refused."""
        refused = self.refused(record)
        return [each for each in record.comparisons if not {each.contender, each.baseline} & refused.keys()]


def load(folder: Path) -> Results:
    """Read the records of a folder, except those of evaluations with pages of their own.

    Raises:
        ValueError: A file is not a record of this schema, or of an unknown suite.
    """
    paths = sorted(folder.glob("*.json"))
    records = [settled(record) for path in paths if (record := read(path)).suite not in _ELSEWHERE]
    if unknown := [record.name for record in records if record.suite not in SUITES]:
        raise ValueError(f"records of suites that the report does not know: {', '.join(unknown)}")
    order = list(SUITES)
    return Results(
        tuple(sorted(records, key=lambda record: (order.index(record.suite), record.model, record.device))),
        {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths},
    )


def settled(record: Record) -> Record:
    """The record without the numbers of cases that are not settled; their rows give the reason."""
    rows = [replace(row, samples=[], failed=why) if (why := _unsettled(record, row.case, row.contender)) else row
            for row in record.rows]  # fmt: skip
    comparisons = [each for each in record.comparisons if not _unsettled(record, each.case, each.baseline)]
    return replace(record, rows=rows, comparisons=comparisons)


def _unsettled(record: Record, case: Mapping[str, Any], contender: str) -> str:
    """The reason, or nothing; where a case has several baselines, each is a case of its own."""
    found = f"{case_name(case)}, {contender.removesuffix('-again')}, "
    reasons = [why for name, all_ in record.unsettled.items() if found.startswith(f"{name}, ") for why in all_]
    return "not settled, " + "; ".join(reasons) if reasons else ""
