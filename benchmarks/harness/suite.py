"""What the suites that contenders take part in have in common: their options, the gate, and the record."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import click

from benchmarks import contenders
from benchmarks.harness import machine
from benchmarks.harness.records import RESULTS, Comparison, Record, Row, said, write
from benchmarks.harness.stats import Ratio, claim, ratio
from benchmarks.harness.validity import Evidence, drift, judge
from benchmarks.models.folders import BUILT, ModelFolders
from benchmarks.models.making import prepare
from benchmarks.models.subjects import SUBJECTS

Profile = Literal["quick", "full"]
_FOLDER = click.Path(exists=True, path_type=Path)
# Without these there is nothing to say; of others that fail, the reason is said.
_NEEDED = (contenders.REFERENCE, contenders.FILLMASK, contenders.AGAIN, "fillmask-fp32")


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of a suite.

    Attributes:
        model: One of ``SUBJECTS``.
        profile: ``"quick"`` or ``"full"``.
        checkpoint: Trained weights; None takes the model's own.
        calibration: Texts for the scales of int8.
        out: Folder of the record; None takes benchmarks/results for full runs, build/benchmarks/results for quick ones.
        rounds: Instead of the profile's.
        only: These contenders only.
    """

    model: str
    profile: Profile
    checkpoint: Path | None
    calibration: Path | None
    out: Path | None
    rounds: int | None
    only: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Of the record."""
        return self.out or (RESULTS if self.profile == "full" else BUILT / "results")

    @property
    def contenders(self) -> list[str]:
        """That take part."""
        known = contenders.names(self.model)
        return [name for name in known if not self.only or name in self.only]

    def command(self, suite: str) -> str:
        """The command, with names of folders instead of their places."""
        words = ["python", "-m", "benchmarks", suite, "--model", self.model, "--profile", self.profile]
        for option, path in (("--checkpoint", self.checkpoint), ("--calibration", self.calibration)):
            words += [option, path.name] if path else []
        words += ["--rounds", str(self.rounds)] if self.rounds else []
        return shlex.join([*words, *(word for name in self.only for word in ("--contender", name))])


@dataclass(slots=True)
class Found:
    """What a suite has found.

    Attributes:
        params: What it was set to.
        rows: What it measured.
        comparisons: Ratios made of it.
        controls: As in ``Evidence``.
        rounds: As in ``Evidence``.
        gate: As in ``Evidence``.
    """

    params: dict[str, Any] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    controls: dict[str, Ratio] = field(default_factory=dict)
    rounds: dict[str, Sequence[float]] = field(default_factory=dict)
    gate: str | None = None

    def compare(self, case: dict[str, Any], speeds: dict[str, list[float]], again: str = contenders.AGAIN) -> None:
        """Compare each of fillmask's with every other contender in a case.

        Args:
            case: Which.
            speeds: One value a round of each contender, of which more is better.
            again: The contender that is there twice, under its second name, which ends in ``-again``.
        """
        ours, twin = (speeds.get(name) for name in (again.removesuffix("-again"), again))
        if not ours or not twin:
            return
        control = ratio(ours, twin)
        beside = speeds.get(contenders.REFERENCE) or twin
        self.controls[said(case)] = control
        self.rounds[said(case)] = [one / other for one, other in zip(ours, beside, strict=True)]
        self.params.setdefault("drift", {})[said(case)] = drift(ours)
        others = [name for name in speeds if name != again]
        for name in [name for name in others if name.startswith("fillmask")]:
            for other in others:
                if name != other:
                    self.comparisons.append(_comparison(case, (name, other), speeds, control))


def suite_command(name: str, measure: Callable[[Asked, ModelFolders], Found], question: str) -> click.Command:
    """A suite's command.

    Args:
        name: Of the suite.
        measure: Answers its question.
        question: For the help.
    """
    options: list[click.Parameter] = [
        click.Option(["--model"], type=click.Choice(list(SUBJECTS)), default="minilm", show_default=True),
        click.Option(["--profile"], type=click.Choice(["quick", "full"]), default="full", show_default=True),
        click.Option(["--checkpoint"], type=_FOLDER, help="Trained weights of the model's architecture."),
        click.Option(["--calibration"], type=_FOLDER, help="Texts for the scales of int8, one a line."),
        click.Option(["--out"], type=click.Path(path_type=Path), help="Folder of the record."),
        click.Option(["--rounds"], type=click.IntRange(3), help="Instead of the profile's."),
        click.Option(["--contender", "only"], multiple=True, help="Only this one; may be given again."),
    ]
    return click.Command(
        name, params=options, callback=lambda **given: run(name, Asked(**given), measure), help=question
    )


def run(name: str, asked: Asked, measure: Callable[[Asked, ModelFolders], Found]) -> None:
    """Run a suite and write its record."""
    folders = prepare(asked.model, asked.checkpoint, asked.calibration)
    started = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    context = machine.context()
    with machine.Watch() as watch:
        found = measure(asked, folders)
    failures = {row.contender: row.failed for row in found.rows if row.failed and row.contender in _NEEDED}
    evidence = Evidence(context, watch.found, found.controls, found.rounds, failures, found.gate)
    reasons, unsettled = judge(evidence, asked.profile)
    record = Record(
        suite=name,
        model=asked.model,
        profile=asked.profile,
        command=asked.command(name),
        started_at=started,
        context=context,
        watch=watch.found,
        params={"subject": folders.described(), "title": SUBJECTS[asked.model].title, **found.params},
        rows=found.rows,
        comparisons=found.comparisons,
        invalid_reasons=reasons,
        valid=not reasons,
        unsettled=unsettled,
    )
    _report(record, write(record, asked.folder))


def _comparison(
    case: dict[str, Any], pair: tuple[str, str], speeds: dict[str, list[float]], control: Ratio
) -> Comparison:
    found = ratio(speeds[pair[0]], speeds[pair[1]])
    said = claim(found, control)
    return Comparison(*pair, case, found.value, found.low, found.high, control.low, control.high, said)


def _report(record: Record, path: Path) -> None:
    for each in record.comparisons:
        click.echo(
            f"{said(each.case):24} {each.contender:14} / {each.baseline:14} {each.ratio:6.2f} "
            f"[{each.low:.2f}, {each.high:.2f}]  control [{each.aa_low:.3f}, {each.aa_high:.3f}]  {each.claim}"
        )
    for reason in record.invalid_reasons:
        click.echo(f"INVALID: {reason}", err=True)
    for case, reasons in record.unsettled.items():
        click.echo(f"NOT SETTLED: {case}: {'; '.join(reasons)}", err=True)
    click.echo(path)
