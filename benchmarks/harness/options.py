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
_FOLDER = click.Path(exists=True, path_type=Path)


@dataclass(frozen=True, slots=True)
class SuiteOptions:
    """The options of a suite.

    Attributes:
        model: One of ``SUBJECTS``.
        profile: ``"quick"`` or ``"full"``.
        device_name: Of the device that contenders run on.
        checkpoint: Trained weights; None takes the model's own.
        calibration: Texts for the scales of int8.
        rounds: Instead of the profile's.
        only: These contenders only.
        out: Folder of the record; None takes benchmarks/results for full runs, build/benchmarks/results for others.
    """

    model: str
    profile: Profile
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
        return self.out or results_folder("quick" if self.device_name == "stand-in" else self.profile)

    @property
    def contenders(self) -> list[str]:
        """The contenders that take part."""
        known = contenders.names(self.model, self.device)
        return [name for name in known if not self.only or name in self.only]

    def schedule(self, schedules: Mapping[str, Schedule], folders: ModelFolders) -> Schedule:
        """The profile's schedule with the rounds of the options, without texts that the model does not take."""
        chosen, longest = schedules[self.profile], folders.manifest["max_length"]
        tokens = tuple(each for each in chosen.tokens if each <= longest)
        return replace(chosen, tokens=tokens, rounds=self.rounds or chosen.rounds)

    def command(self, suite: str) -> str:
        """The command, with names of folders instead of their paths."""
        words = ["python", "-m", "benchmarks", suite, "--model", self.model, "--profile", self.profile]
        words += ["--device", self.device_name] if self.device_name != "cpu" else []
        for option in ("checkpoint", "calibration"):
            path: Path | None = getattr(self, option)
            words += [f"--{option}", path.name] if path else []
        words += ["--rounds", str(self.rounds)] if self.rounds else []
        return shlex.join([*words, *(word for name in self.only for word in ("--contender", name))])


def results_folder(profile: Profile) -> Path:
    """Where records of a profile go: only full runs are published."""
    return RESULTS if profile == "full" else BUILT / "results"


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
        models: Those it measures.
    """
    devices = click.Choice(list(DEVICES) if on_gpu else ["cpu"])
    return [
        click.Option(["--model"], type=click.Choice(models), default="minilm", show_default=True),
        click.Option(["--profile"], type=click.Choice(["quick", "full"]), default="full", show_default=True),
        click.Option(["--device", "device_name"], type=devices, default="cpu", show_default=True),
        click.Option(["--checkpoint"], type=_FOLDER, help="Trained weights of the model's architecture."),
        click.Option(["--calibration"], type=_FOLDER, help="Texts for the scales of int8, one a line."),
        click.Option(["--out"], type=click.Path(path_type=Path), help="Folder of the record."),
        click.Option(["--rounds"], type=click.IntRange(3), help="Instead of the profile's."),
        click.Option(["--contender", "only"], multiple=True, help="Only this one; may be given again."),
    ]
