"""A suite's command, its run, and the record made of it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from benchmarks.harness import machine
from benchmarks.harness.options import Profile, SuiteOptions, suite_params
from benchmarks.harness.records import RESULTS, Record, case_name, write, write_file
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.validity import Evidence, judge
from benchmarks.models.folders import ModelFolders
from benchmarks.models.making import prepare
from benchmarks.models.subjects import SUBJECTS
from fillmask import ProviderError

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
