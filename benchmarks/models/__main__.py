"""``python -m benchmarks.models NAME``: make a model in the formats that contenders read."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.device import DEVICES
from benchmarks.models.making import make
from benchmarks.models.subjects import SUBJECTS


@click.command()
@click.argument("name", type=click.Choice(list(SUBJECTS)))
@click.option("--checkpoint", type=click.Path(exists=True, path_type=Path), help="Weights instead of random ones.")
@click.option("--calibration", type=click.Path(exists=True, path_type=Path), help="Texts for the scales of int8.")
@click.option("--device", type=click.Choice(list(DEVICES)), default="cpu", help="Decides the variants.")
def main(name: str, checkpoint: Path | None, calibration: Path | None, device: str) -> None:
    """Make what is missing of a model."""
    make(name, checkpoint, calibration, DEVICES[device])


if __name__ == "__main__":
    main()
