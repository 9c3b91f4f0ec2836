"""``python -m benchmarks.emulation``: takes a minute or two, and a network the first time."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from benchmarks.emulation import tables
from benchmarks.emulation.comparing import compare
from benchmarks.emulation.control import make_control
from benchmarks.emulation.machines import HASWELL, HERE, MACHINES, Machine, Questions, ask
from benchmarks.emulation.sysroot import MissingError
from fillmask.artifact.folder import EMBEDDED
from fillmask_export.probes import make_questions


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=Path("build/emulation"), show_default=True,
              help="Keeps an aarch64 Python from one run to the next.")  # fmt: skip
@click.option("--texts", "count", default=64, show_default=True, help="How many texts each machine answers.")
def main(folder: Path, count: int) -> None:
    """Ask the embedded model on emulated CPUs and write results/emulation.json and its table."""
    texts = questions(count)
    control = Questions(texts, make_control(folder / "control"))
    try:
        found = {
            "machines": [_compare(machine, Questions(texts, verify=True), folder) for machine in MACHINES],
            "control": _compare(HASWELL, control, folder),
        }
    except MissingError as error:
        raise click.ClickException(str(error)) from error
    print(tables.write(found))


def questions(count: int) -> list[str]:
    """Built-in sentences with a masked word each."""
    from transformers import AutoTokenizer

    return make_questions(AutoTokenizer.from_pretrained(EMBEDDED), None, count)


def _compare(machine: Machine, asked: Questions, folder: Path) -> dict[str, Any]:
    here, there = (ask(each, asked, folder / "aarch64") for each in (HERE, machine))
    difference = compare(here["answers"], there["answers"])
    return asdict(machine) | {"machine": there["machine"], **asdict(difference), "checks": there["checks"]}


if __name__ == "__main__":
    main()
