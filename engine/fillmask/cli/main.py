"""The command ``fillmask``.

Exit codes: 0 success, 1 an input, a check or the output failed, 2 wrong usage or no model, 130 stopped by Ctrl-C.

``COMMANDS`` is the table of commands; each is imported when it is used. The stages beside the engine add theirs through
the entry points ``fillmask.commands``.
"""

from __future__ import annotations

import sys
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

import click

from fillmask.cli.errors import fail
from fillmask.cli.masks import is_text
from fillmask.cli.signals import raised_again
from fillmask.cli.streams import guarded

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

_INTERRUPTED = 130
COMMANDS = {
    "batch": "fillmask.cli.batch:batch_command",
    "bench": "fillmask.bench.cli:bench_command",
    "classify": "fillmask.cli.classify:classify_command",
    "infill": "fillmask.cli.infill:infill_command",
    "info": "fillmask.cli.info:info_command",
    "marginals": "fillmask.cli.marginals:marginals_command",
    "models": "fillmask.cli.models:models_command",
    "predict": "fillmask.cli.predict:predict_command",
    "pull": "fillmask.cli.pull:pull_command",
    "push": "fillmask.cli.push:push_command",
    "rank": "fillmask.cli.rank:rank_command",
    "score": "fillmask.cli.score:score_command",
    "verify": "fillmask.cli.verify:verify_command",
}


class _Commands(click.Group):
    """The commands of the table, and those of entry points."""

    def main(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 -- click's signature, whatever its version
        """Run a command, help and version included."""
        with guarded(), raised_again():
            return super().main(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 -- click's signature
        """Run a command; Ctrl-C ends it with the exit code of the signal, as shells do."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            fail("stopped", code=_INTERRUPTED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*COMMANDS, *(point.name for point in _entry_points())})

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; a text in its place is one to predict."""
        if self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing:
            if not is_text(args[0]):
                from difflib import get_close_matches  # 9 ms, which only an error need pay

                close = get_close_matches(args[0], self.list_commands(ctx), n=1)
                ctx.fail(f"No such command {args[0]!r}." + (f" Did you mean {close[0]!r}?" if close else ""))
            return super().resolve_command(ctx, ["predict", *args])
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            module, _, name = COMMANDS[cmd_name].partition(":")
            command: click.Command = getattr(import_module(module), name)
            return command
        return next((point.load() for point in _entry_points() if point.name == cmd_name), None)


def _entry_points() -> EntryPoints:
    from importlib.metadata import entry_points  # 20 ms, which `fillmask predict` need not pay

    return entry_points(group="fillmask.commands")


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fillmask")
def main() -> None:
    """Predict the words behind a mask, offline and without PyTorch.

    A text in the place of COMMAND is one to predict: fillmask "Paris is the [MASK] of France."
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a character still shows the others
