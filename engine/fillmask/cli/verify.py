"""The command ``fillmask verify``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from fillmask.cli import options
from fillmask.cli.errors import fail, reported

if TYPE_CHECKING:
    from fillmask.verification import Check


@click.command("verify")
@click.argument("folder", required=False)
@options.as_json
def verify_command(*, folder: str | None, as_json: bool) -> None:
    """Check a model FOLDER on this machine: its files' hashes, then its variants' predictions."""
    with reported(code=1):
        from fillmask.verification import best, verify

        checks = verify(folder)
    fastest = best(checks)
    for check in checks:
        facts = asdict(check) | {"passed": check.passed, "best": check is fastest}
        click.echo(json.dumps(facts) if as_json else _verdict(check))
    if fastest is not None and not as_json:
        click.echo(f"use variant {fastest.variant!r} here: the fastest variant whose predictions are right")
    if failures := _failures(checks):
        fail("; ".join(failures), code=1)


def _failures(checks: list[Check]) -> list[str]:
    differing = [check.variant for check in checks if not check.passed and check.error is None]
    failing = [check.variant for check in checks if check.error is not None]
    kinds = [("predictions differ here from those of the export", differing), ("does not run here", failing)]
    return [f"{kind}, variants: {', '.join(variants)}" for kind, variants in kinds if variants]


def _verdict(check: Check) -> str:
    if check.max_score_difference is None or check.latency_ms is None:
        return f"{check.variant:6} DOES NOT RUN ON THIS MACHINE: {check.error}"
    word = "ok" if check.passed else "WRONG ON THIS MACHINE"
    return (
        f"{check.variant:6} {word}: {check.texts} texts, scores within {check.max_score_difference:.1e} "
        f"(allowed {check.tolerance:.0e}), {check.latency_ms:.1f} ms a text"
    )
