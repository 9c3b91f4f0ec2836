"""All suites that a GPU has, one after the other, and a table of the goals last."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from benchmarks.harness.options import SuiteOptions, suite_params
from benchmarks.harness.records import Record
from benchmarks.harness.suite import run
from benchmarks.report.goals import goals, gpu_goals
from benchmarks.report.results import Results
from benchmarks.suites import accuracy, latency, roofline, throughput

_SUITES = {
    "accuracy": accuracy.measure,
    "latency": latency.measure,
    "throughput": throughput.measure,
    "roofline": roofline.measure,
}


def _run_all(**given: Any) -> None:  # noqa: ANN401 -- click's options
    options, records = SuiteOptions(**given), list[Record]()
    for name, measure in _SUITES.items():
        click.echo(f"== {name}", err=True)
        records.append(run(name, options, measure))
        if name == "accuracy" and (why := records[0].params["refused"].get(options.device.ours)):
            raise click.ClickException(f"{options.device.ours} gets no speeds: {why}")
    # The table also shows quick and invalid runs, without verdicts.
    shown = Results(tuple(replace(each, profile="full", invalid_reasons=[], valid=True) for each in records), {})
    final = options.device_name == "cuda" and options.profile == "full" and all(each.valid for each in records)
    click.echo(f"\n{goals(shown, gpu_goals(options.model, options.device_name), verdicts=final)}")
    for record in records:
        click.echo(f"{record.name}: {'valid' if record.valid else '; '.join(record.invalid_reasons)}")


command = click.Command(
    "gpu",
    params=suite_params("cuda"),
    callback=_run_all,
    help="Export, check and time everything on a GPU, and print the goals beside the measurements.",
)
