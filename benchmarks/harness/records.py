"""The record of a suite's run, one file a suite and model: raw samples, the machine, and whether it may be believed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from benchmarks.harness.stats import Claim

SCHEMA_VERSION: Final = 1
RESULTS = Path(__file__).parents[1] / "results"
_DIGITS = 5
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of one contender in one case.

    Attributes:
        contender: Its name, unique within a case: ``"fillmask-int8"``.
        precision: ``"fp32"``, ``"int8"``, …
        case: What tells the rows of a contender apart: tokens, batch, threads, …
        unit: Of the samples: ``"ms"``, ``"texts/s"``, ``"share"``, ``"MB"``, …
        samples: One list a round, each with its calls; or one value a round. Empty where the contender failed.
        settings: What the contender was set to.
        failed: Why there are no samples, or None.
        notes: Anything a reader should know.
    """

    contender: str
    precision: str
    case: dict[str, Any]
    unit: str
    samples: list[list[float]] | list[float]
    settings: dict[str, Any] = field(default_factory=dict)
    failed: str | None = None
    notes: str = ""

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True)
class Comparison:
    """One contender beside another, in one case.

    Attributes:
        contender: Ours.
        baseline: Theirs.
        case: As in the rows.
        ratio: Median of the ratios of rounds. Of times of calls and of rates it is how many times as fast as the
            baseline the contender is, so above 1 is faster; of all else it is the contender's value over the
            baseline's.
        low: Of its 95 % interval.
        high: Of its 95 % interval.
        aa_low: The same of a contender beside itself, in this case.
        aa_high: The same of a contender beside itself, in this case.
        claim: What may be said.
    """

    contender: str
    baseline: str
    case: dict[str, Any]
    ratio: float
    low: float
    high: float
    aa_low: float
    aa_high: float
    claim: Claim

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True)
class Record:
    """A run of a suite.

    Attributes:
        suite: ``"latency"``, …
        model: ``"minilm"``, …; empty for a suite without one.
        profile: ``"quick"`` or ``"full"``.
        command: Remakes it.
        started_at: UTC, ISO 8601.
        context: As ``machine.context`` gives it.
        watch: As ``machine.Watch.found`` gives it.
        params: What the suite was set to.
        rows: What was measured.
        comparisons: Ratios made of it.
        invalid_reasons: Why it may not be believed.
        valid: Whether there are no such reasons.
        unsettled: By case, as ``said`` names it, why that may not be believed where the others may.
        schema_version: Of this form.
    """

    suite: str
    model: str
    profile: Literal["quick", "full"]
    command: str
    started_at: str
    context: dict[str, Any]
    watch: dict[str, float]
    params: dict[str, Any]
    rows: list[Row]
    comparisons: list[Comparison]
    invalid_reasons: list[str]
    valid: bool
    unsettled: dict[str, list[str]] = field(default_factory=dict)
    schema_version: Literal[1] = SCHEMA_VERSION

    __pydantic_config__ = _STRICT

    @property
    def name(self) -> str:
        """Of its file: suite and model."""
        return f"{self.suite}-{self.model}" if self.model else self.suite


def said(case: Mapping[str, Any]) -> str:
    """A case by name: ``{"tokens": 16, "step": "run"}`` is ``tokens 16, step run``."""
    return ", ".join(f"{name} {value}" for name, value in case.items())


def write(record: Record, folder: Path = RESULTS) -> Path:
    """Write ``<suite>-<model>.json``; one that is there is replaced, since git keeps it.

    Raises:
        ValueError: The record is not one.
    """
    content = _round(asdict(record))
    _check(json.dumps(content), record.name)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record.name}.json"
    rows = [json.dumps(row) for row in content.pop("rows")]
    head = json.dumps(content, indent=1)[:-2]
    path.write_text(f'{head},\n "rows": [\n  ' + ",\n  ".join(rows) + "\n ]\n}\n", encoding="utf-8")
    return path


def read(path: Path) -> Record:
    """Read a record.

    Raises:
        ValueError: The file is not a record of this schema.
    """
    return _check(path.read_text(encoding="utf-8"), path.name)


def _check(content: str, name: str) -> Record:
    try:
        record = TypeAdapter(Record).validate_json(content, strict=True)
    except ValidationError as error:
        raise ValueError(f"{name} is no record of schema {SCHEMA_VERSION}: {error}") from error
    if record.valid == bool(record.invalid_reasons):
        raise ValueError(f"{name} says valid={record.valid} and gives the reasons {record.invalid_reasons}")
    return record


def _round(value: Any) -> Any:  # noqa: ANN401 -- anything that JSON holds
    """The same with numbers of five digits."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {key: _round(each) for key, each in value.items()}
    return [_round(each) for each in value] if isinstance(value, (list, tuple)) else value
