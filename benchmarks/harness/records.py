"""The record of a run: raw samples, the machine, and whether the run is valid.

Suite, model, and kind of CPU or device have a file each, so that one kind's record does not replace another's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from benchmarks.harness.stats import Claim

SCHEMA_VERSION: Final = 1
# The kinds of CPU, best first: those of a kind run the same kernels for integers. By an instruction set, the kind.
_KINDS = {
    "amx_int8": "AMX", "avx512_vnni": "VNNI", "avx_vnni": "VNNI", "avx2": "AVX2", "i8mm": "I8MM", "neon": "NEON",
    "asimddp": "NEON",
}  # fmt: skip
RESULTS = Path(__file__).parents[1] / "results"
_DIGITS = 5
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Row:
    """The samples of one contender in one case.

    Attributes:
        contender: Its name, unique within a case.
        precision: Of its products.
        case: What distinguishes the rows of a contender: tokens, batch, threads, …
        unit: ``"ms"``, ``"texts/s"``, ``"share"``, ``"MB"``, …
        samples: One list of calls per round, or one value per round. Empty where the contender failed.
        settings: The contender's settings.
        failed: Why there are no samples, or None.
        notes: Remarks for the reader.
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
        ratio: Median of the ratios of rounds. Of times and rates it says how many times as fast as the baseline the
            contender is, so above 1 is faster. Of sizes it is the contender's value over the baseline's.
        low: Of its 95 % interval.
        high: Of its 95 % interval.
        aa_low: Of the control's 95 % interval: a contender beside itself, in this case.
        aa_high: Of the control's 95 % interval.
        claim: What follows from it.
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
        model: Empty for a suite without one.
        profile: ``"quick"`` or ``"full"``.
        command: The command that makes it again.
        started_at: UTC, ISO 8601.
        context: As ``machine.context`` returns it.
        watch: The fields of ``machine.Watch``.
        params: The suite's parameters.
        rows: The samples.
        comparisons: The ratios made of them.
        invalid_reasons: Why the run is invalid; none where it is valid.
        valid: Whether it is.
        unsettled: By case, as ``case_name`` names it, why a case is not settled in a run that is otherwise valid.
        device: Where the contenders ran: ``"cpu"``, ``"cuda"``, …
        findings: Results of an evaluation that are not samples of contenders, by name.
        schema_version: Of this format.
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
    device: str = "cpu"
    findings: dict[str, Any] = field(default_factory=dict)
    schema_version: Literal[1] = SCHEMA_VERSION

    __pydantic_config__ = _STRICT

    @property
    def cpu_kind(self) -> str:
        """The kind of CPU where the contenders ran, ``"AMX"``, …; empty on another device, or where none is known."""
        known = set(self.context.get("flags", []) if self.device == "cpu" else [])
        return next((kind for flag, kind in _KINDS.items() if flag in known), "")

    @property
    def name(self) -> str:
        """Of its file: suite, model, and the kind of the CPU or another device."""
        place = self.cpu_kind.lower() if self.device == "cpu" else self.device
        return "-".join(filter(None, [self.suite, self.model, place]))


def case_name(case: Mapping[str, Any]) -> str:
    """The name of a case: ``{"tokens": 16, "step": "run"}`` is ``tokens 16, step run``."""
    return ", ".join(f"{name} {value}" for name, value in case.items())


def write(record: Record, folder: Path = RESULTS, file: str = "") -> Path:
    """Write a record in place of an older one. Numbers but those of findings have five digits.

    Args:
        record: The record.
        folder: Where to.
        file: Its name; empty for ``<suite>-<model>-<kind of CPU>.json``.

    Raises:
        ValueError: The record does not fit the schema.
    """
    path = folder / (file or f"{record.name}.json")
    content = _round(asdict(replace(record, findings={}))) | {"findings": record.findings}
    _check(json.dumps(content), record.name)
    folder.mkdir(parents=True, exist_ok=True)
    rows = [json.dumps(row) for row in content.pop("rows")]
    head = json.dumps(content, indent=1, ensure_ascii=False)[:-2]
    path.write_text(f'{head},\n "rows": [\n  ' + ",\n  ".join(rows) + "\n ]\n}\n", encoding="utf-8")
    return path


def read(path: Path) -> Record:
    """Read a record.

    Raises:
        ValueError: The file is not a record of this schema.
    """
    return _check(path.read_text(encoding="utf-8"), path.name)


def findings(path: Path) -> dict[str, Any]:
    """The findings of a record, and its ``context``.

    Raises:
        ValueError: The file is not a record of this schema.
    """
    record = read(path)
    return record.findings | {"context": record.context}


def replace_between(page: str, start: str, end: str, content: str) -> str:
    """The page with new content between its two markers."""
    before, _, rest = page.partition(start)
    return f"{before}{start}\n{content}\n{end}{rest.partition(end)[2]}"


def _check(content: str, name: str) -> Record:
    try:
        record = TypeAdapter(Record).validate_json(content, strict=True)
    except ValidationError as error:
        raise ValueError(f"{name} is not a record of schema {SCHEMA_VERSION}: {error}") from error
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
