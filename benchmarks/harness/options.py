"""The options of a suite, and its schedule."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import click

from benchmarks import contenders
from benchmarks.device import DEVICES, Device
from benchmarks.harness.records import RESULTS
from benchmarks.models.folders import BUILT, ModelFolders

Profile = Literal["quick", "full"]
_PATH = click.Path(exists=True, path_type=Path)


@dataclass(frozen=True, slots=True)
class SuiteOptions:
    """The options of a suite.

    Attributes:
        model: One of ``SUBJECTS``; empty in a suite without models.
        profile: ``"quick"`` or ``"full"``.
        device_name: Of the device that contenders run on.
        checkpoint: Trained weights; None takes the model's own.
        calibration: Texts for the scales of int8.
        rounds: Instead of the profile's.
        only: These contenders only.
        out: Folder of the record; None takes benchmarks/results for full runs, build/benchmarks/results for others.
    """

    model: str = ""
    profile: Profile = "full"
    device_name: str = "cpu"
    checkpoint: Path | None = None
    calibration: Path | None = None
    rounds: int | None = None
    only: tuple[str, ...] = ()
    out: Path | None = None

    @property
    def device(self) -> Device:
        """Where contenders run."""
        return DEVICES[self.device_name]

    @property
    def folder(self) -> Path:
        """Of the record."""
        published = self.profile == "full" and self.device_name != "stand-in"
        return self.out or (RESULTS if published else BUILT / "results")

    @property
    def contenders(self) -> list[str]:
        """The contenders that take part."""
        known = contenders.names(self.device)
        return [name for name in known if not self.only or name in self.only]

    def schedule(self, schedules: Mapping[str, Schedule], folders: ModelFolders) -> Schedule:
        """The profile's schedule with the rounds of the options, without texts that the model does not take."""
        chosen, longest = schedules[self.profile], folders.manifest["max_length"]
        tokens = tuple(each for each in chosen.tokens if each <= longest)
        return replace(chosen, tokens=tokens, rounds=self.rounds or chosen.rounds)

    def command(self, suite: str) -> str:
        """The command, with names of folders instead of their paths."""
        given = {
            "--model": self.model,
            "--profile": self.profile,
            "--device": self.device_name if self.device_name != "cpu" else "",
            "--checkpoint": self.checkpoint and self.checkpoint.name,
            "--calibration": self.calibration and self.calibration.name,
            "--rounds": self.rounds and str(self.rounds),
        }
        words = [word for option, value in given.items() if value for word in (option, value)]
        only = [word for name in self.only for word in ("--contender", name)]
        return shlex.join(["python", "-m", "benchmarks", suite, *words, *only])


@dataclass(frozen=True, slots=True)
class Schedule:
    """How much a suite measures; what a suite does not use stays empty.

    Attributes:
        rounds: The rounds that count.
        tokens: Lengths of texts.
        texts: Different texts of a length, in turn.
        calls: The least and the most calls of a block.
        seconds: Of a block.
        sizes: Of square matrices.
    """

    rounds: int
    tokens: tuple[int, ...] = ()
    texts: int = 0
    calls: tuple[int, ...] = ()
    seconds: float = 0.0
    sizes: tuple[int, ...] = ()

    @property
    def params(self) -> dict[str, Any]:
        """For a record."""
        return {name: value for name, value in asdict(self).items() if value}


def suite_params(*, on_gpu: bool, models: Sequence[str]) -> list[click.Parameter]:
    """The options of a suite's command.

    Args:
        on_gpu: Whether the suite also runs on a GPU.
        models: Those it measures; a suite without models has no options about them.
    """
    of_all: list[click.Parameter] = [
        click.Option(["--profile"], type=click.Choice(["quick", "full"]), default="full", show_default=True),
        click.Option(["--out"], type=click.Path(path_type=Path), help="Folder of the record."),
        click.Option(["--rounds"], type=click.IntRange(3), help="Instead of the profile's."),
    ]
    of_models: list[click.Parameter] = [
        click.Option(["--model"], type=click.Choice(models), default="minilm", show_default=True),
        click.Option(["--checkpoint"], type=_PATH, help="Trained weights of the model's architecture."),
        click.Option(["--calibration"], type=_PATH, help="Texts for the scales of int8, one a line."),
        click.Option(["--contender", "only"], multiple=True, help="Only this one; may be given again."),
    ]
    if on_gpu:
        choice = click.Choice(list(DEVICES))
        of_models.append(click.Option(["--device", "device_name"], type=choice, default="cpu", show_default=True))
    return of_all + (of_models if models else [])
