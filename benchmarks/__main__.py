"""``python -m benchmarks SUITE``: one question per suite, each in a module that is imported on use."""

from __future__ import annotations

from importlib import import_module

import click

# By suite its module and its help.
_SUITES = {
    "accuracy": ("suites.accuracy", "predictions beside those of the checkpoint in PyTorch, the gate for all speeds"),
    "batch": ("suites.batch", "files and Ray beside the library"),
    "cloze": ("evaluation.cli", "what the embedded model knows"),
    "compare": ("compare", "the working tree beside a commit"),
    "latency": ("suites.latency", "one text, by its tokens"),
    "memory": ("suites.memory", "resident memory after loading and after requests"),
    "overhead": ("suites.overhead", "a call beside the run inside it"),
    "roofline": ("suites.roofline", "products per second beside the peak of the machine"),
    "score": ("suites.score", "scores of sentences, and the matrix of a protein"),
    "server": ("suites.server", "what the server costs beside the library"),
    "size": ("suites.size", "bytes of artifacts and of installed packages"),
    "startup": ("suites.startup", "process start to the first prediction"),
    "threads": ("suites.threads", "one text a thread beside all threads for one text"),
    "throughput": ("suites.throughput", "many texts of the lengths of sentences"),
}


class _Suites(click.Group):
    """Lists suites without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_SUITES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _SUITES:
            return None
        try:
            command: click.Command = import_module(f"benchmarks.{_SUITES[cmd_name][0]}").command
        except ModuleNotFoundError as error:
            raise click.ClickException(f"{error.name} cannot be imported; install fillmask[bench]") from error
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Suites"):
            formatter.write_dl([(name, text) for name, (_, text) in _SUITES.items()])


@click.group(cls=_Suites)
def main() -> None:
    """Benchmarks: one question per suite. Each but compare writes a record, benchmarks/results/SUITE-MODEL.json."""


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
