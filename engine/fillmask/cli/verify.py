"""The command ``fillmask verify``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from fillmask.cli import options
from fillmask.cli.errors import fail, reported
from fillmask.errors import IntegrityError

if TYPE_CHECKING:
    from fillmask.verification import Check


@click.command("verify")
@options.model_argument
@click.option("--texts", default=256, show_default=True, type=click.IntRange(0), metavar="N",
              help="Random texts that run alone and in padded batches.")  # fmt: skip
@options.as_json
def verify_command(*, model: str | None, texts: int, as_json: bool) -> None:
    """Check a MODEL on this machine: its files' hashes, then its variants' predictions, alone and in batches."""
    with reported(code=2):
        from fillmask.verification import best, verify

        try:
            checks = verify(model, batch_texts=texts)
        except IntegrityError as error:
            fail(str(error), code=1)
    fastest = best(checks)
    for check in checks:
        facts = asdict(check) | {"passed": check.passed, "best": check is fastest}
        click.echo(json.dumps(facts) if as_json else _verdict(check))
    if fastest is not None and not as_json:
        click.echo(f"use variant {fastest.variant!r} here: the fastest variant whose predictions are right")
    if failures := _failures(checks):
        fail("; ".join(failures), code=1)


def _failures(checks: list[Check]) -> list[str]:
    differing = [check.variant for check in checks if not check.predicts and check.error is None]
    moved = [check.variant for check in checks if not check.batches]
    failing = [check.variant for check in checks if check.error is not None]
    kinds = [
        ("predictions differ here from those of the export", differing),
        ("padding changes scores here, run only texts of equal length together", moved),
        ("does not run here", failing),
    ]
    return [f"{kind}, variants: {', '.join(variants)}" for kind, variants in kinds if variants]


def _verdict(check: Check) -> str:
    if check.max_score_difference is None or check.latency_ms is None:
        return f"{check.variant:6} DOES NOT RUN ON THIS MACHINE: {check.error}"
    word = "ok" if check.passed else "WRONG ON THIS MACHINE"
    batches = (
        ""
        if check.batch_difference is None
        else (
            f"beside padding within {check.batch_difference:.1e} in {check.batch_texts} texts "
            f"(allowed {check.batch_tolerance:.0e}), "
        )
    )
    return (
        f"{check.variant:6} {word}: {check.texts} texts, scores within {check.max_score_difference:.1e} "
        f"(allowed {check.tolerance:.0e}), {batches}{check.latency_ms:.1f} ms a text"
    )
