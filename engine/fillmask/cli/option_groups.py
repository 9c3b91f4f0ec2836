"""The help of a command with many options: groups of them, with a title each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click


def grouped(groups: Mapping[str, Sequence[str]]) -> type[click.Command]:
    """Make a class of commands whose help shows the options in groups.

    Args:
        groups: The names of a group's parameters by its title. Other options come last.
    """

    class Grouped(click.Command):
        def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
            options = [each for each in self.get_params(ctx) if isinstance(each, click.Option)]
            records = {each.name or "": record for each in options if (record := each.get_help_record(ctx))}
            titled = {title: [records.pop(name) for name in names] for title, names in groups.items()}
            for title, rows in (titled | {"Other options": [*records.values()]}).items():
                with formatter.section(title):
                    formatter.write_dl(rows)

    return Grouped
