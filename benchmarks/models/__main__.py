"""``python -m benchmarks.models NAME``: make a model in the forms that contenders read."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.models.making import make
from benchmarks.models.subjects import SUBJECTS


@click.command()
@click.argument("name", type=click.Choice(list(SUBJECTS)))
@click.option("--checkpoint", type=click.Path(exists=True, path_type=Path), help="Weights instead of random ones.")
@click.option("--calibration", type=click.Path(exists=True, path_type=Path), help="Texts for the scales of int8.")
def main(name: str, checkpoint: Path | None, calibration: Path | None) -> None:
    """Make what is missing of a model."""
    make(name, checkpoint, calibration)


if __name__ == "__main__":
    main()
