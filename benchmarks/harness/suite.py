"""A suite's command, its run, and the record made of it."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from benchmarks.harness import machine
from benchmarks.harness.options import Profile, SuiteOptions, suite_params
from benchmarks.harness.records import RESULTS, Record, case_name, write, write_file
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.validity import judge
from benchmarks.models.folders import ModelFolders
from benchmarks.models.making import prepare
from benchmarks.models.subjects import SUBJECTS
from fillmask import ProviderError
from fillmask.runtime.providers import check_providers

MODELS = ("minilm", "bert-base", "xlmr-base", "antiberty")
Measure = Callable[[SuiteOptions, ModelFolders], SuiteResult]


def suite_command(
    name: str, measure: Measure, question: str, *, on_gpu: bool = False, models: Sequence[str] = MODELS
) -> click.Command:
    """A suite's command, which measures a model and writes the record.

    Args:
        name: Of the suite.
        measure: Runs it.
        question: For the help.
        on_gpu: Whether it also runs on a GPU.
        models: Those it measures.
    """

    def callback(**given: Any) -> None:  # noqa: ANN401 -- click's options
        run(name, SuiteOptions(**given), measure)

    return click.Command(name, params=suite_params(on_gpu=on_gpu, models=models), callback=callback, help=question)


def run(name: str, options: SuiteOptions, measure: Measure) -> None:
    """Run a suite and write its record.

    Raises:
        click.ClickException: The device's provider is missing, or the model cannot be made.
    """
    try:
        check_providers([options.device.provider])
    except ProviderError as error:
        raise click.ClickException(str(error)) from error
    folders = prepare(options.model, options.checkpoint, options.calibration, options.device)
    about = {"subject": folders.described(), "title": SUBJECTS[options.model].title}
    record = make_record(name, options.profile, options.command(name), lambda: measure(options, folders))
    params = about | record.params
    report(replace(record, model=options.model, device=options.device_name, params=params), options.folder)


def make_record(suite: str, profile: Profile, command: str, measure: Callable[[], SuiteResult]) -> Record:
    """Measure while the machine is watched, and make the record of it.

    Args:
        suite: Its name.
        profile: ``"quick"`` or ``"full"``.
        command: The command that makes the record again.
        measure: Measures.
    """
    record = _empty(suite, profile, command)
    with machine.Watch() as watch:
        result = measure()
    reasons, unsettled = judge(record.context, watch.found, result, profile)
    return replace(
        record,
        watch=watch.found,
        params=result.params,
        rows=result.rows,
        comparisons=result.comparisons,
        invalid_reasons=reasons,
        valid=not reasons,
        unsettled=unsettled,
    )


def write_findings(suite: str, command: str, findings: dict[str, Any], path: Path | None = None) -> Path:
    """Write the record of an evaluation, whose findings do not depend on the load of the machine.

    Args:
        suite: Its name.
        command: The command that makes the record again.
        findings: Its results, by name.
        path: Of the record; None takes benchmarks/results.
    """
    record = replace(_empty(suite, "full", command), findings=findings)
    return write_file(record, path or RESULTS / f"{suite}.json")


def report(record: Record, folder: Path) -> None:
    """Write a record, and print its comparisons and why it or its cases are not valid."""
    path = write(record, folder)
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


def _empty(suite: str, profile: Profile, command: str) -> Record:
    started = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    return Record(suite, "", profile, command, started, machine.context(), {}, {}, [], [], [], valid=True)
