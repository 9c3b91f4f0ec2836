"""What serving costs beside calling the library: for one client, for many, and at what rate its latency is bounded."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Literal

import click

from benchmarks.harness import machine
from benchmarks.harness.records import RESULTS, Record, write
from benchmarks.harness.validity import Evidence, judge
from benchmarks.models.folders import BUILT
from benchmarks.serving import beside
from benchmarks.serving.process import serve

Profile = Literal["quick", "full"]
_ROUNDS = {"quick": 5, "full": 15}


@click.command()
@click.option("--profile", type=click.Choice(["quick", "full"]), default="full", show_default=True)
@click.option("--rounds", type=click.IntRange(3), help="Instead of the profile's.")
@click.option("--bound", default=100.0, show_default=True, help="Milliseconds that p99 may take.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the record.")
def command(profile: Profile, rounds: int | None, bound: float, out: Path | None) -> None:
    """Time the server beside the library."""
    started, context = datetime.datetime.now(datetime.timezone.utc), machine.context()
    count = rounds or _ROUNDS[profile]
    with machine.Watch() as watch, serve() as server:
        found = beside.Beside(server, count)
        found.lone()
        for name, texts in beside.TEXTS.items():
            found.busy(name, texts)
        tried = found.rates(bound)
    evidence = Evidence(context, watch.found, found.controls, found.steadiness)
    reasons, unsettled = judge(evidence, profile)
    record = Record(
        suite="server",
        model="",
        profile=profile,
        command=f"python -m benchmarks server --profile {profile}" + (f" --rounds {rounds}" if rounds else ""),
        started_at=started.isoformat(timespec="seconds"),
        context=context,
        watch=watch.found,
        params={"rounds": count, "bound_ms": bound, "tried": tried, **beside.SETTINGS},
        rows=found.rows,
        comparisons=found.comparisons,
        invalid_reasons=reasons,
        valid=not reasons,
        unsettled=unsettled,
    )
    click.echo(write(record, out or (RESULTS if profile == "full" else BUILT / "results")))
    for reason in reasons:
        click.echo(f"INVALID: {reason}", err=True)
    for case, each in unsettled.items():
        click.echo(f"NOT SETTLED: {case}: {'; '.join(each)}", err=True)
