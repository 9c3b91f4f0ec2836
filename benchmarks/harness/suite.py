"""What suites have in common: their options, their schedule, their result, and the record made of it."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import click

from benchmarks import contenders
from benchmarks.device import DEVICES, Device
from benchmarks.harness import machine
from benchmarks.harness.records import RESULTS, Record, case_name, write, write_file
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.validity import Evidence, judge
from benchmarks.models.folders import BUILT, ModelFolders
from benchmarks.models.making import prepare
from benchmarks.models.subjects import SUBJECTS
from fillmask import ProviderError

Profile = Literal["quick", "full"]
_FOLDER = click.Path(exists=True, path_type=Path)


@dataclass(frozen=True, slots=True)
class SuiteOptions:
    """The options of a suite.

    Attributes:
        model: One of ``SUBJECTS``.
        profile: ``"quick"`` or ``"full"``.
        checkpoint: Trained weights; None takes the model's own.
        calibration: Texts for the scales of int8.
        out: Folder of the record; None takes benchmarks/results for full runs, build/benchmarks/results for others.
        rounds: Instead of the profile's.
        only: These contenders only.
        device_name: Of the device that contenders run on.
        artifact: An artifact that was exported from the checkpoint before.
    """

    model: str
    profile: Profile
    checkpoint: Path | None = None
    calibration: Path | None = None
    out: Path | None = None
    rounds: int | None = None
    only: tuple[str, ...] = ()
    device_name: str = "cpu"
    artifact: Path | None = None

    @property
    def device(self) -> Device:
        """Where contenders run."""
        return DEVICES[self.device_name]

    @property
    def folder(self) -> Path:
        """Of the record."""
        published = self.profile == "full" and self.device_name != "stand-in"
        return self.out or (RESULTS if published else BUILT / "results")

    @property
    def contenders(self) -> list[str]:
        """The contenders that take part."""
        known = contenders.names(self.model, self.device)
        return [name for name in known if not self.only or name in self.only]

    def schedule(self, schedules: Mapping[str, Schedule]) -> Schedule:
        """The profile's schedule, with the rounds that were asked for."""
        chosen = schedules[self.profile]
        return replace(chosen, rounds=self.rounds) if self.rounds else chosen

    def command(self, suite: str) -> str:
        """The command, with names of folders instead of their paths."""
        words = ["python", "-m", "benchmarks", suite, "--model", self.model, "--profile", self.profile]
        words += ["--device", self.device_name] if self.device_name != "cpu" else []
        paths = ("--checkpoint", self.checkpoint), ("--calibration", self.calibration), ("--artifact", self.artifact)
        for option, path in paths:
            words += [option, path.name] if path else []
        words += ["--rounds", str(self.rounds)] if self.rounds else []
        return shlex.join([*words, *(word for name in self.only for word in ("--contender", name))])


@dataclass(frozen=True, slots=True)
class Schedule:
    """How much a suite measures; what a suite does not use stays empty.

    Attributes:
        rounds: The rounds that count.
        tokens: Lengths of texts.
        texts: Different texts of a length, in turn.
        calls: The least and the most calls of a block.
        seconds: Of a block.
        batch_sizes: Texts of a run.
        sizes: Of square matrices.
    """

    rounds: int
    tokens: tuple[int, ...] = ()
    texts: int = 0
    calls: tuple[int, ...] = ()
    seconds: float = 0.0
    batch_sizes: tuple[int, ...] = ()
    sizes: tuple[int, ...] = ()

    @property
    def params(self) -> dict[str, Any]:
        """For a record."""
        return {name: value for name, value in asdict(self).items() if value}


Measure = Callable[[SuiteOptions, ModelFolders], SuiteResult]


def suite_command(name: str, measure: Measure, question: str) -> click.Command:
    """A suite's command.

    Args:
        name: Of the suite.
        measure: Runs it.
        question: For the help.
    """

    def callback(**given: Any) -> None:  # noqa: ANN401 -- click's options
        run(name, SuiteOptions(**given), measure)

    return click.Command(name, params=list(suite_params()), callback=callback, help=question)


def suite_params(device: str = "cpu") -> list[click.Parameter]:
    """The options of a suite's command.

    Args:
        device: The default device.
    """
    devices = click.Choice(list(DEVICES))
    return [
        click.Option(["--model"], type=click.Choice(list(SUBJECTS)), default="minilm", show_default=True),
        click.Option(["--profile"], type=click.Choice(["quick", "full"]), default="full", show_default=True),
        click.Option(["--device", "device_name"], type=devices, default=device, show_default=True),
        click.Option(["--checkpoint"], type=_FOLDER, help="Trained weights of the model's architecture."),
        click.Option(["--calibration"], type=_FOLDER, help="Texts for the scales of int8, one a line."),
        click.Option(["--artifact"], type=_FOLDER, help="An artifact exported from --checkpoint before."),
        click.Option(["--out"], type=click.Path(path_type=Path), help="Folder of the record."),
        click.Option(["--rounds"], type=click.IntRange(3), help="Instead of the profile's."),
        click.Option(["--contender", "only"], multiple=True, help="Only this one; may be given again."),
    ]


def run(name: str, options: SuiteOptions, measure: Measure) -> Record:
    """Run a suite and write its record.

    Raises:
        click.ClickException: The device's provider is missing, or the model cannot be made.
    """
    if options.artifact and not options.checkpoint:
        raise click.UsageError("--artifact needs --checkpoint, the weights that it was exported from")
    if not options.device.is_cpu and (lacking := [name for name in ("torch", "transformers") if not find_spec(name)]):
        raise click.ClickException(f"{', '.join(lacking)} cannot be imported; install fillmask[bench]")
    try:
        options.device.check()
    except ProviderError as error:
        raise click.ClickException(str(error)) from error
    folders = prepare(
        options.model, options.checkpoint, options.calibration, device=options.device, artifact=options.artifact
    )
    about = {"subject": folders.described(), "title": SUBJECTS[options.model].title}
    record = make_record(name, options.profile, options.command(name), lambda: measure(options, folders))
    params = about | record.params
    record = replace(record, model=options.model, device=options.device_name, params=params)
    report(record, write(record, options.folder))
    return record


def make_record(
    suite: str, profile: Profile, command: str, measure: Callable[[], SuiteResult], *, timed: bool = True
) -> Record:
    """Measure, and make the record of it.

    Args:
        suite: Its name.
        profile: ``"quick"`` or ``"full"``.
        command: The command that makes the record again.
        measure: Measures.
        timed: Whether the load of the machine matters, so that it is watched and may make the run invalid.
    """
    started = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    context, load = machine.context(), dict[str, float]()
    reasons, unsettled = list[str](), dict[str, list[str]]()
    if timed:
        with machine.Watch() as watch:
            result = measure()
        load = watch.found
        evidence = Evidence(context, load, result.controls, result.rounds, result.failures, result.gate)
        reasons, unsettled = judge(evidence, profile)
    else:
        result = measure()
    return Record(
        suite=suite,
        model="",
        profile=profile,
        command=command,
        started_at=started,
        context=context,
        watch=load,
        params=result.params,
        rows=result.rows,
        comparisons=result.comparisons,
        invalid_reasons=reasons,
        valid=not reasons,
        unsettled=unsettled,
        findings=result.findings,
    )


def write_findings(suite: str, command: str, findings: dict[str, Any], path: Path | None = None) -> Path:
    """Write the record of an evaluation, whose findings do not depend on the load of the machine.

    Args:
        suite: Its name.
        command: The command that makes the record again.
        findings: Its results, by name.
        path: Of the record; None takes benchmarks/results.
    """
    record = make_record(suite, "full", command, lambda: SuiteResult(findings=findings), timed=False)
    return write_file(record, path or RESULTS / f"{suite}.json")


def report(record: Record, path: Path) -> None:
    """Print the comparisons of a record, and why it or its cases are not valid."""
    for each in record.comparisons:
        click.echo(
            f"{case_name(each.case):24} {each.contender:14} / {each.baseline:14} {each.ratio:6.2f} "
            f"[{each.low:.2f}, {each.high:.2f}]  control [{each.aa_low:.3f}, {each.aa_high:.3f}]  {each.claim}"
        )
    for reason in record.invalid_reasons:
        click.echo(f"INVALID: {reason}", err=True)
    for case, reasons in record.unsettled.items():
        click.echo(f"NOT SETTLED: {case}: {'; '.join(reasons)}", err=True)
    click.echo(path)
