"""``python -m benchmarks SUITE``: one question per suite, each in a module that is imported on use."""

from __future__ import annotations

from importlib import import_module

import click

# By suite its module.
_SUITES = {
    "cloze": "evaluation.cli",
    "compare": "compare",
    **{name: f"suites.{name}" for name in (
        "accuracy", "batch", "latency", "memory", "overhead", "roofline", "score", "server", "size", "startup",
        "throughput",
    )},
}  # fmt: skip


class _Suites(click.Group):
    """Imports a suite when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_SUITES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _SUITES:
            return None
        try:
            command: click.Command = import_module(f"benchmarks.{_SUITES[cmd_name]}").command
        except ModuleNotFoundError as error:
            raise click.ClickException(f"{error.name} cannot be imported; install fillmask[bench]") from error
        return command


@click.group(cls=_Suites)
def main() -> None:
    """Benchmarks: one question per suite. Each but compare writes a record into benchmarks/results."""


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
