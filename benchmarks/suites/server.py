"""What serving costs beside calling the library: for one client, for many, and at what rate its latency is bounded."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.harness.options import Profile
from benchmarks.harness.records import RESULTS, write
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.suite import make_record, report
from benchmarks.models.folders import BUILT
from benchmarks.serving import beside
from benchmarks.serving.process import serve

_ROUNDS = {"quick": 5, "full": 15}


@click.command()
@click.option("--profile", type=click.Choice(["quick", "full"]), default="full", show_default=True)
@click.option("--rounds", type=click.IntRange(3), help="Instead of the profile's.")
@click.option("--bound", default=100.0, show_default=True, help="Milliseconds that p99 may take.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the record.")
def command(profile: Profile, rounds: int | None, bound: float, out: Path | None) -> None:
    """Time the server beside the library."""
    again = f"python -m benchmarks server --profile {profile}" + (f" --rounds {rounds}" if rounds else "")
    record = make_record("server", profile, again, lambda: _measure(rounds or _ROUNDS[profile], bound))
    report(record, write(record, out or (RESULTS if profile == "full" else BUILT / "results")))


def _measure(rounds: int, bound: float) -> SuiteResult:
    with serve() as server:
        found = beside.Beside(server, rounds)
        found.lone()
        for name, texts in beside.TEXTS.items():
            found.busy(name, texts)
        tried = found.rates(bound)
    params = {"rounds": rounds, "bound_ms": bound, "tried": tried, **beside.SETTINGS}
    result = SuiteResult(params, rows=found.rows, comparisons=found.comparisons)
    result.controls, result.rounds = found.controls, dict(found.steadiness)
    return result
