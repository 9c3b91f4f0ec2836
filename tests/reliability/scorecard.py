"""The scorecard: reliability tests at full scale, ``python -m tests.reliability.scorecard`` or ``make reliability``.

The parts are tests: ``test_scorecard.py`` runs them on a small scale, most of them as slow tests, and this command runs
them at full scale. It records every part as soon as it is measured, in ``benchmarks/results/reliability.json``, and
rewrites the table of ``docs/reliability.md`` from that record. An interrupted run therefore continues with
``--resume``.
"""

from __future__ import annotations

import hashlib
import sys
import time
from dataclasses import asdict
from datetime import datetime, timezone
from functools import cache
from pathlib import Path

import click

from benchmarks.harness.machine import watch
from benchmarks.harness.records import findings, replace_between
from benchmarks.harness.suite import write_findings
from tests.reliability import (
    attacked,
    checks,
    cpu_budget,
    faults,
    hostile_folders,
    hostile_texts,
    inputs,
    load,
    mutations,
    overload,
    predictions,
)
from tests.reliability.row import Measure, Row, Scale

ROOT = Path(__file__).parents[2]

# The longest parts first, since they fail most often.
MODULES = (
    *(load, overload, attacked, cpu_budget, faults, inputs, mutations, hostile_folders, hostile_texts, predictions),
    checks,
)
MEASURES: dict[str, Measure] = {measure.__name__: measure for module in MODULES for measure in module.MEASURES}
# Other processes would change the figures of these parts.
TIMED = {measure.__name__ for module in (load, overload) for measure in module.MEASURES} | {"attacked"}
BUSY = 0.3
STORED = ROOT / "benchmarks" / "results" / "reliability.json"
PAGE = ROOT / "docs" / "reliability.md"
MEASURED = ("engine", "tests/load", "tests/reliability", "tests/support")
START, END = "<!-- scorecard: made by `make reliability`; do not edit -->", "<!-- end of the scorecard -->"


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(MEASURES)), help="Only this part; repeats.")
@click.option("--resume", is_flag=True, help="Skip parts that passed with this code at this scale.")
@click.option("--fail-fast", is_flag=True, help="End with the first row that fails.")
@click.option("--scale", default=1.0, show_default=True, help="Amount of work; 24 soaks for two hours.")
@click.option("--busy", is_flag=True, help="Measure load even while other processes use the CPUs.")
def main(*, only: tuple[str, ...], resume: bool, fail_fast: bool, scale: float, busy: bool) -> None:
    """Measure parts, write their record and the page; the other parts keep their rows."""
    stored = findings(STORED)["parts"] if STORED.exists() else {}
    for name in only or MEASURES:
        if resume and is_done(stored.get(name), scale):
            continue
        stored[name] = part(name, scale, busy=busy)
        write_findings("reliability", "make reliability", {"parts": stored}, STORED)
        PAGE.write_text(with_table(PAGE.read_text("utf-8"), findings(STORED)), encoding="utf-8")
        if fail_fast and not passed(stored[name]):
            break
    failed = [name for name in stored if not passed(stored[name])]
    click.echo(f"failed: {', '.join(failed)}" if failed else "everything passed")
    sys.exit(bool(failed))


def part(name: str, scale: float, *, busy: bool) -> dict:
    """Measure a part.

    Returns:
        Its rows, the code, date, scale and seconds, and the share of the machine that other processes took.
    """
    with watch() as machine:
        if name in TIMED and machine.load_before > BUSY and not busy:
            raise click.ClickException(
                f"{name} measures load, and other processes keep {machine.load_before:.1f} cores busy; end them, or "
                f"pass --busy"
            )
        start = time.monotonic()
        rows = MEASURES[name](Scale(scale))
        seconds = time.monotonic() - start
    for row in rows:
        click.echo(f"{'passed' if row.passed else 'FAILED'}  {row.test}: {row.figure}")
    click.echo(f"        {name} took {seconds:.0f} s, other processes {machine.foreign:.0%} of the machine")
    when = datetime.now(timezone.utc).isoformat(timespec="seconds")
    facts = {"code": code(), "at": when, "scale": scale, "seconds": seconds, "foreign": machine.foreign}
    return facts | {"rows": [asdict(row) for row in rows]}


def passed(found: dict) -> bool:
    """Whether all rows of a part passed."""
    return all(row["passed"] for row in found["rows"])


def is_done(found: dict | None, scale: float) -> bool:
    """Whether a part passed with this code at this scale or a larger one."""
    return found is not None and passed(found) and found["scale"] >= scale and found["code"] == code()


@cache
def code() -> str:
    """A digest of the engine, the load generator and the tests, which identifies the measured code."""
    digest = hashlib.sha256()
    for path in sorted(path for folder in MEASURED for path in (ROOT / folder).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def with_table(page: str, record: dict) -> str:
    """The page with the record's table."""
    return replace_between(page, START, END, table(record))


def table(record: dict) -> str:
    """The table, and the machine that it was measured on."""
    parts = {name: record["parts"][name] for name in MEASURES if name in record["parts"]}
    rows = [Row(**row) for found in parts.values() for row in found["rows"]]
    lines = [
        f"| {row.area} | {row.test} | {row.criterion} | {row.figure} | {'yes' if row.passed else '**no**'} |"
        for row in rows
    ]
    machine, most = record["context"], max((found["foreign"] for found in parts.values()), default=0.0)
    small = ", ".join(name for name, found in parts.items() if found["scale"] < 1)
    missing = ", ".join(name for name in MEASURES if name not in parts)
    return "\n".join([
        "| area | test | criterion | measured | passed |",
        "| --- | --- | --- | --- | --- |",
        *lines,
        "",
        f"{sum(row.passed for row in rows)} of {len(rows)} passed{f'; on a smaller scale: {small}' if small else ''}. "
        f"Measured {machine['date']} on {machine['cores']} cores of an {machine['cpu_model']}, the load generator on "
        f"the same machine; other processes took {most:.0%} of it at most.{_builds(parts)}"
        f"{f' Not measured yet: {missing}.' if missing else ''}",
    ])  # fmt: skip


def _builds(parts: dict) -> str:
    """How many states of the code the rows are of: a part keeps its rows until it is measured again."""
    if not parts:
        return ""
    builds, last = len({found["code"] for found in parts.values()}), max(found["at"] for found in parts.values())
    states = "one state" if builds == 1 else f"{builds} states"
    return f" The rows are of {states} of the code, the last of {last[:16].replace('T', ' ')} UTC."


if __name__ == "__main__":
    main()
