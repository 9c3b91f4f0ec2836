"""``python -m tests.emulation``: int8 on emulated CPUs beside this one, in a minute or two.

It writes benchmarks/results/emulation.json and the table of docs/int8.md. The first run needs a network, for the
aarch64 Python. ``test_other_cpus.py`` compares the same machines on fewer texts.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from benchmarks.harness.suite import write_findings
from fillmask.artifact.folder import EMBEDDED
from fillmask_export.probes import make_masked_texts
from tests.emulation.control import write_full_range
from tests.emulation.difference import compare
from tests.emulation.machines import HASWELL, HERE, MACHINES, Job, Machine, run
from tests.emulation.sysroot import MissingError
from tests.emulation.table import write_page


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=Path("build/emulation"), show_default=True,
              help="Keeps an aarch64 Python from one run to the next.")  # fmt: skip
@click.option("--texts", "count", default=64, show_default=True, help="Number of texts on each machine.")
def main(folder: Path, count: int) -> None:
    """Run the embedded model on emulated CPUs; write results/emulation.json and its table."""
    texts = masked_texts(count)
    control = Job(texts, write_full_range(folder / "control"))
    try:
        found = {
            "machines": [_compare(machine, Job(texts, verify=True), folder) for machine in MACHINES],
            "control": _compare(HASWELL, control, folder),
        }
    except MissingError as error:
        raise click.ClickException(str(error)) from error
    click.echo(write_findings("emulation", "make emulate", found))
    click.echo(write_page())


def masked_texts(count: int) -> list[str]:
    """Built-in sentences with one mask each."""
    from transformers import AutoTokenizer

    return make_masked_texts(AutoTokenizer.from_pretrained(EMBEDDED), None, count)


def _compare(machine: Machine, job: Job, folder: Path) -> dict[str, Any]:
    here, there = (run(each, job, folder / "aarch64") for each in (HERE, machine))
    difference = compare(here["predictions"], there["predictions"])
    return asdict(machine) | {"machine": there["machine"], **asdict(difference), "checks": there["checks"]}


if __name__ == "__main__":
    main()
