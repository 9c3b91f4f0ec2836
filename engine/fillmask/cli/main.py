"""The command ``fillmask``. Exit codes: 0 all well, 1 an input or a check failed, 2 wrong usage.

What takes time to import is imported by the command that needs it. Heavier stages add commands of their own through
the entry points ``fillmask.commands``.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from io import TextIOWrapper
from itertools import tee
from typing import TYPE_CHECKING, Any, NoReturn

import click

from fillmask.bench.cli import bench_command
from fillmask.cli.output import show
from fillmask.errors import FillMaskError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

    from fillmask import FillMask
    from fillmask.runtime.providers import Provider
    from fillmask.verification import Check

_PACKAGES = ("fillmask", "onnxruntime", "tokenizers", "numpy")


class _Commands(click.Group):
    """The commands of this module, and those that entry points add."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *(point.name for point in _added_commands())})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        loaded = (point.load() for point in _added_commands() if point.name == cmd_name)
        return next(loaded, None)


def _added_commands() -> EntryPoints:
    from importlib.metadata import entry_points  # 20 ms, which `fillmask predict` need not pay

    return entry_points(group="fillmask.commands")


_model = click.option("-m", "--model", help="A model folder or a hub id.  [default: the embedded English model]")
_variant = click.option("--variant", default="auto", show_default=True, help="fp32, int8, ….")
_provider = click.option(
    "--provider",
    "provider",
    multiple=True,
    metavar="NAME[:OPTION=VALUE,…]",
    help="ONNX Runtime's execution provider, such as CUDAExecutionProvider:device_id=1; repeat for several.  "
    "[default: CUDA where it starts, else the CPU]",
)
_json = click.option("--json", "as_json", is_flag=True, help="One JSON document a line.")


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fillmask")
def main() -> None:
    """Predict the words behind a mask, offline and without PyTorch."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a character still gets the others


main.add_command(bench_command)


@main.command()
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@_model
@_variant
@click.option("-k", "--top-k", type=int, default=5, show_default=True, help="Predictions per mask.")
@click.option("--targets", help="Score only these words, separated by commas.")
@click.option("--truncation", type=click.Choice(["right", "window"]), help="What to keep of a text that is too long.")
@click.option("--threads", type=int, help="Threads of one run.  [default: what this process may use]")
@click.option("--batch-size", type=int, help="Texts of one run; more are read ahead.  [default: 1, on a GPU 64]")
@click.option("--workers", type=int, default=1, show_default=True, help="Runs at the same time.")
@_provider
@_json
def predict(  # noqa: PLR0913 -- one parameter an option
    *,
    texts: tuple[str, ...],
    model: str | None,
    variant: str,
    top_k: int,
    targets: str | None,
    truncation: str | None,
    threads: int | None,
    batch_size: int | None,
    workers: int,
    provider: tuple[str, ...],
    as_json: bool,
) -> None:
    """Fill the masks of each TEXT, or of each line of standard input.

    [MASK], <mask> and {mask} all stand for the model's mask.
    """
    asked, answered = tee(texts or _stdin())
    with reported(code=2):
        from fillmask import FillMask, InputError

        fill_mask = FillMask(model, variant=variant, providers=_providers(provider), threads=threads)
        words = None if targets is None else targets.split(",")
        answers = fill_mask.predict_many(
            answered,
            top_k=top_k,
            targets=words,
            truncation=truncation,  # type: ignore[arg-type]
            batch_size=batch_size,
            workers=workers,
        )
        failed = False
        for text, answer in zip(asked, answers, strict=False):
            failed |= isinstance(answer, InputError)
            show(text, answer, as_json=as_json)
    sys.exit(1 if failed else 0)


@main.command()
@_model
@_variant
@_provider
@_json
def info(*, model: str | None, variant: str, provider: tuple[str, ...], as_json: bool) -> None:
    """Show a model and what it runs on."""
    with reported(code=2):
        from fillmask import FillMask

        facts = _facts(FillMask(model, variant=variant, providers=_providers(provider)))
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
    else:
        for name, value in facts.items():
            if value is None:
                continue
            click.echo(f"{name.replace('_', ' '):20} {_shown(value)}")


@main.command()
@click.argument("folder", required=False)
@_json
def verify(*, folder: str | None, as_json: bool) -> None:
    """Check a model FOLDER on this machine: its files' hashes, then its variants' answers."""
    with reported(code=1):
        from fillmask.verification import best, verify

        checks = verify(folder)
    fastest = best(checks)
    for check in checks:
        facts = asdict(check) | {"passed": check.passed, "best": check is fastest}
        click.echo(json.dumps(facts) if as_json else _verdict(check))
    if fastest is not None and not as_json:
        click.echo(f"use variant {fastest.variant!r} here: the fastest that answers as it should")
    if failures := _failures(checks):
        fail("; ".join(failures), code=1)


def fail(message: str, *, code: int) -> NoReturn:
    """Say in one line on standard error what is wrong, and exit."""
    click.echo(f"fillmask: {' '.join(message.split())}", err=True)
    sys.exit(code)


@contextmanager
def reported(*, code: int) -> Iterator[None]:
    """Turn the project's errors into a line and an exit code, and its warnings into lines."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_args, **_options: click.echo(f"fillmask: warning: {message}", err=True)
        try:
            yield
        except FillMaskError as error:
            fail(str(error), code=code)


def _stdin() -> Iterator[str]:
    if isinstance(sys.stdin, TextIOWrapper):
        # Bytes that are no UTF-8 become lone surrogates, which are then reported for their line alone.
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
    for line in sys.stdin:
        yield line.rstrip("\r\n")


def _failures(checks: list[Check]) -> list[str]:
    differing = [check.variant for check in checks if not check.passed and check.error is None]
    failing = [check.variant for check in checks if check.error is not None]
    said = [("answers differ here from where the model was exported", differing), ("no answers here", failing)]
    return [f"{what}, variants: {', '.join(variants)}" for what, variants in said if variants]


def _verdict(check: Check) -> str:
    if check.max_score_difference is None or check.latency_ms is None:
        return f"{check.variant:6} DOES NOT RUN ON THIS MACHINE: {check.error}"
    word = "ok" if check.passed else "WRONG ON THIS MACHINE"
    return (
        f"{check.variant:6} {word}: {check.answers} answers, scores within {check.max_score_difference:.1e} "
        f"(allowed {check.tolerance:.0e}), {check.latency_ms:.1f} ms an answer"
    )


def _providers(named: tuple[str, ...]) -> list[Provider] | None:
    from fillmask.runtime.providers import parse_provider

    return [parse_provider(each) for each in named] or None


def _shown(value: object) -> object:
    if isinstance(value, dict):
        whole = sum(value.values())
        return ", ".join(f"{name} {count} ({count / whole:.0%})" for name, count in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _facts(fill_mask: FillMask) -> dict[str, Any]:
    import onnxruntime

    from fillmask.environment import versions

    artifact = fill_mask.artifact
    return {
        "model": artifact.source,
        "folder": str(artifact.folder),
        "revision": artifact.revision,
        "architecture": artifact.manifest.get("architecture"),
        "variants": list(artifact.variants),
        "variant": fill_mask.variant,
        "mask_token": fill_mask.mask_token,
        "mask_token_id": fill_mask.mask_token_id,
        "vocab_size": fill_mask.vocab_size,
        "max_length": fill_mask.max_length,
        "providers": fill_mask.providers,
        "nodes": fill_mask.nodes or None,
        "available_providers": onnxruntime.get_available_providers(),
        "threads": fill_mask.threads,
        "versions": [f"{name} {found}" for name, found in versions(_PACKAGES).items()],
    }
