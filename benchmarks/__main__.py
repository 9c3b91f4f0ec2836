"""``python -m benchmarks SUITE``: one question a suite, each in a module that is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module

import click

_SUITES = {
    "accuracy": "answers beside those of the checkpoint in PyTorch, the gate for all speeds",
    "cloze": "what the embedded model knows",
    "gpu": "a GPU beside the CPU and beside transformers on it; no part of make bench",
    "latency": "one text, by its tokens",
    "memory": "resident memory after loading and after requests",
    "options": "ONNX Runtime's session options and IO binding beside how fillmask sets it up",
    "overhead": "a call beside the run inside it",
    "roofline": "products a second beside what the machine can do",
    "server": "what the server costs beside the library",
    "size": "bytes of artifacts and of installed packages",
    "startup": "process start to the first answer",
    "threads": "one text a thread beside all threads for one text",
    "throughput": "many texts of the lengths that sentences have",
}
_ELSEWHERE = {"cloze": "benchmarks.evaluation.cli", "options": "benchmarks.research.options"}


class _Suites(click.Group):
    """Lists suites without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_SUITES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _SUITES:
            return None
        command: click.Command = import_module(_ELSEWHERE.get(cmd_name, f"benchmarks.suites.{cmd_name}")).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Suites"):
            formatter.write_dl(list(_SUITES.items()))


@click.group(cls=_Suites)
def main() -> None:
    """Benchmarks: one question a suite. Each writes a record, benchmarks/results/SUITE-MODEL.json."""


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
