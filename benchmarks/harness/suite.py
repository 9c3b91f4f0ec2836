"""A suite's command, its run, and the record made of it."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from benchmarks.harness import machine
from benchmarks.harness.options import SuiteOptions, suite_params
from benchmarks.harness.records import RESULTS, Record, case_name, write
from benchmarks.harness.result import SuiteResult, judge
from benchmarks.models.making import prepare
from benchmarks.models.subjects import SUBJECTS
from fillmask import ProviderError
from fillmask.runtime.providers import check_providers

MODELS = ("minilm", "bert-base", "xlmr-base", "antiberty")
Measure = Callable[[SuiteOptions, Any], SuiteResult]
"""Gets the options and the ``ModelFolders`` of the model, or None in a suite without models."""


def suite_command(
    name: str, measure: Measure, question: str, *, on_gpu: bool = False, models: Sequence[str] = MODELS
) -> click.Command:
    """A suite's command, which measures a model and writes the record.

    Args:
        name: Of the suite.
        measure: Runs it.
        question: For the help.
        on_gpu: Whether it also runs on a GPU.
        models: Those it measures; empty where it is no suite of models.
    """

    def callback(**given: Any) -> None:  # noqa: ANN401 -- click's options
        run(name, SuiteOptions(**given), measure)

    return click.Command(name, params=suite_params(on_gpu=on_gpu, models=models), callback=callback, help=question)


def run(name: str, options: SuiteOptions, measure: Measure) -> None:
    """Run a suite while the machine is watched, and write its record.

    Raises:
        click.ClickException: The device's provider is missing, or the model cannot be made.
    """
    try:
        check_providers([options.device.provider])
    except ProviderError as error:
        raise click.ClickException(str(error)) from error
    folders, about = None, dict[str, Any]()
    if options.model:
        folders = prepare(options.model, options.checkpoint, options.calibration, options.device)
        about = {"subject": folders.described(), "title": SUBJECTS[options.model].title}
    record = _empty(name, options.command(name), model=options.model, profile=options.profile)
    with machine.watch() as found:
        result = measure(options, folders)
    watch = asdict(found)
    reasons, unsettled = judge(record.context, watch, result, options.profile)
    record = replace(record, device=options.device_name, watch=watch, params=about | result.params, rows=result.rows,
                     comparisons=result.comparisons, invalid_reasons=reasons, valid=not reasons,
                     unsettled=unsettled)  # fmt: skip
    _show(record)
    click.echo(write(record, options.folder))


def write_findings(suite: str, command: str, findings: dict[str, Any], path: Path | None = None) -> Path:
    """Write the record of an evaluation, whose findings do not depend on the load of the machine.

    Args:
        suite: Its name.
        command: The command that makes the record again.
        findings: Its results, by name.
        path: Of the record; None takes benchmarks/results.
    """
    path = path or RESULTS / f"{suite}.json"
    return write(_empty(suite, command, findings=findings), path.parent, path.name)


def _show(record: Record) -> None:
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


def _empty(suite: str, command: str, **about: Any) -> Record:  # noqa: ANN401 -- fields of the record
    started = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    record = Record(suite, "", "full", command, started, machine.context(), {}, {}, [], [], [], valid=True)
    return replace(record, **about)
