"""The records there are, and why the numbers of one may not be printed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.harness.records import Comparison, Record, read, said

# In the order of the page, with the question of each.
SUITES = {
    "accuracy": "Are the answers those of the checkpoint in PyTorch?",
    "latency": "How long does one text take on one thread?",
    "throughput": "How many texts a second on two cores?",
    "threads": "Is a second core better spent on the same text or on another?",
    "startup": "How long is it from process start to the first answer?",
    "memory": "How much memory is resident?",
    "size": "How many bytes are installed?",
    "overhead": "How much longer does a call take than the run inside it?",
    "options": "Do other options of ONNX Runtime make a run faster?",
    "roofline": "How much of what the machine can do is used?",
    "server": "What does the server cost beside the library?",
    "gpu": "How fast is it on a GPU, and does it answer there as on a CPU?",
}
# Races between contenders that must have given the right answers first.
_GATED = ("latency", "throughput", "threads")


@dataclass(frozen=True, slots=True)
class Results:
    """All records.

    Attributes:
        records: In the order of the page.
        digests: SHA-256 of the file of each, by its name.
    """

    records: tuple[Record, ...]
    digests: Mapping[str, str]

    def find(self, suite: str, model: str = "") -> Record | None:
        """The record of a suite and model, whether its numbers may be printed or not."""
        return next((each for each in self.records if (each.suite, each.model) == (suite, model)), None)

    def usable(self, suite: str, model: str = "") -> Record | None:
        """The same if its numbers may be printed."""
        found = self.find(suite, model)
        return None if found is None or self.unusable(found) else found

    def unusable(self, record: Record) -> list[str]:
        """Why no number of a record may be printed."""
        reasons = list(record.invalid_reasons)
        if record.profile == "quick":
            reasons.append("it is a quick run, which finds faults and no figures")
        if record.suite in _GATED:
            accuracy = self.find("accuracy", record.model)
            if accuracy is None:
                reasons.append("accuracy was not measured")
            elif not accuracy.valid:
                reasons.append("the accuracy run is not valid")
        return list(dict.fromkeys(reasons))

    def refused(self, record: Record) -> dict[str, str]:
        """By contender, why it gets no numbers in a race: it failed the accuracy run."""
        accuracy = self.find("accuracy", record.model) if record.suite in _GATED else None
        refused: dict[str, str] = {} if accuracy is None else accuracy.params.get("refused", {})
        return refused

    def comparisons(self, record: Record) -> list[Comparison]:
        """Those between contenders that are not refused."""
        refused = self.refused(record)
        return [each for each in record.comparisons if not {each.contender, each.baseline} & refused.keys()]


def settled(record: Record) -> Record:
    """The record without the numbers of cases that are not settled: their rows say why, their ratios are gone."""
    rows = [replace(row, samples=[], failed=why) if (why := _unsettled(record, row.case, row.contender)) else row
            for row in record.rows]  # fmt: skip
    comparisons = [each for each in record.comparisons if not _unsettled(record, each.case, each.baseline)]
    return replace(record, rows=rows, comparisons=comparisons)


def _unsettled(record: Record, case: Mapping[str, Any], contender: str) -> str:
    """Why; where a case has several baselines, each of them is a case of its own."""
    found = f"{said(case)}, {contender.removesuffix('-again')}, "
    reasons = [why for name, all_ in record.unsettled.items() if found.startswith(f"{name}, ") for why in all_]
    return "not settled, " + "; ".join(reasons) if reasons else ""


def load(folder: Path) -> Results:
    """Read every record of a folder; what other pages are made of lies there too.

    Raises:
        ValueError: A record is none of this schema.
    """
    paths = [path for path in sorted(folder.glob("*.json")) if "schema_version" in json.loads(path.read_text())]
    records = [settled(read(path)) for path in paths]
    if unknown := [record.name for record in records if record.suite not in SUITES]:
        raise ValueError(f"records of suites that the report does not know: {', '.join(unknown)}")
    order = list(SUITES)
    return Results(
        tuple(sorted(records, key=lambda record: (order.index(record.suite), record.model))),
        {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths},
    )
