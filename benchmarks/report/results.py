"""The records, without the numbers that may not be printed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.harness.records import Record, case_name, read

# In the order of the page, with the question of each.
SUITES = {
    "accuracy": "Are the predictions those of the checkpoint in PyTorch?",
    "latency": "How long does one text take on one thread?",
    "throughput": "How many texts a second on two cores?",
    "score": "How fast are sentences scored, and the substitutions of a protein, on two cores?",
    "startup": "How long is it from process start to the first prediction?",
    "memory": "How much memory is resident?",
    "size": "How many bytes are installed?",
    "overhead": "How fast is a call beside the run inside it?",
    "roofline": "How much of what the machine can do is used?",
    "server": "What does the server cost beside the library?",
    "batch": "How fast do files pass, on one machine and on Ray, beside the library?",
}
# Evaluations with pages of their own.
_ELSEWHERE = ("cloze", "emulation", "reliability", "schemes")
# Speeds of contenders whose predictions must be right.
_GATED = ("latency", "throughput")


@dataclass(frozen=True, slots=True)
class Results:
    """All records, in the order of the page, and the SHA-256 of the file of each by its name."""

    records: tuple[Record, ...]
    digests: Mapping[str, str]

    @property
    def cpu_kinds(self) -> tuple[str, ...]:
        """The kinds of CPU that a record is of, in the order of their names."""
        return tuple(sorted({record.cpu_kind for record in self.records if record.device == "cpu"}))

    def find(self, suite: str, model: str = "", device: str = "cpu", *, cpu_kind: str = "") -> Record | None:
        """The record of a suite and model on a device or a kind of CPU, if its numbers may be printed."""
        wanted = suite, model, device, cpu_kind
        found = (each for each in self.records if (each.suite, each.model, each.device, each.cpu_kind) == wanted)
        return next((each for each in found if each.valid), None)


def load(folder: Path) -> Results:
    """Read the records of a folder, except those of evaluations with pages of their own.

    Raises:
        ValueError: A file is not a record of this schema, or of an unknown suite.
    """
    paths = sorted(folder.glob("*.json"))
    records = [record for path in paths if (record := read(path)).suite not in _ELSEWHERE]
    if unknown := [record.name for record in records if record.suite not in SUITES]:
        raise ValueError(f"records of suites that the report does not know: {', '.join(unknown)}")
    accuracy = {_place(each): each for each in records if each.suite == "accuracy"}
    order = list(SUITES)
    records.sort(key=lambda record: (order.index(record.suite), *_place(record)))
    return Results(
        tuple(printable(record, accuracy.get(_place(record))) for record in records),
        {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths},
    )


def printable(record: Record, accuracy: Record | None) -> Record:
    """The record without the numbers that may not be printed.

    Args:
        record: It is not valid afterwards where none of its numbers may be.
        accuracy: The accuracy run of the same model, device and kind of CPU. Contenders that failed it have no speeds.

    Returns:
        Rows without samples give the reason.
    """
    gated = record.suite in _GATED
    reasons = list(record.invalid_reasons) + (_without_accuracy(record, accuracy) if gated else [])
    if record.profile == "quick":
        reasons.append("it is a quick run, which finds faults and no figures")
    refused: dict[str, str] = accuracy.params.get("refused", {}) if accuracy and gated else {}

    def why(case: Mapping[str, Any], contender: str) -> str:
        return refused.get(contender) or _unsettled(record, case, contender)

    return replace(
        record,
        rows=[replace(row, samples=[], failed=reason) if (reason := why(row.case, row.contender)) else row
              for row in record.rows],
        comparisons=[each for each in record.comparisons
                     if each.contender not in refused and not why(each.case, each.baseline)],
        invalid_reasons=reasons,
        valid=not reasons,
    )  # fmt: skip


def _place(record: Record) -> tuple[str, str, str]:
    """What an accuracy run is of."""
    return record.model, record.device, record.cpu_kind


def _without_accuracy(record: Record, accuracy: Record | None) -> list[str]:
    """Why the accuracy run lets no speed be printed."""
    if accuracy is None:
        return ["accuracy was not measured"]
    if not accuracy.valid:
        return ["the accuracy run is not valid"]
    same = accuracy.params.get("subject") == record.params.get("subject")
    return [] if same else ["accuracy was measured on other weights or graphs"]


def _unsettled(record: Record, case: Mapping[str, Any], contender: str) -> str:
    """The reason, or nothing; where a case has several baselines, each is a case of its own."""
    found = f"{case_name(case)}, {contender.removesuffix('-again')}, "
    reasons = [why for name, all_ in record.unsettled.items() if found.startswith(f"{name}, ") for why in all_]
    return "not settled, " + "; ".join(reasons) if reasons else ""
