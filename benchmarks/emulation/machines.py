"""The CPUs that qemu plays, and what they answer."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fillmask
from benchmarks.emulation import asking
from benchmarks.emulation.sysroot import MissingError, environment, make_sysroot

_MINUTES = 15


@dataclass(frozen=True, slots=True)
class Machine:
    """A CPU.

    Attributes:
        qemu: The program that plays it; None is this machine itself.
        cpu: qemu's name for it.
        about: What it has for int8.
    """

    qemu: str | None
    cpu: str
    about: str


HERE = Machine(None, "", "this machine")
HASWELL = Machine("qemu-x86_64", "Haswell", "AVX2, no VNNI: products of uint8 and int8 are added in pairs in int16")
MACHINES = (
    HASWELL,
    Machine("qemu-aarch64", "cortex-a72", "no dot products; a Raspberry Pi 4"),
    Machine("qemu-aarch64", "max", "all that qemu knows, dot products of int8 among it"),
)


@dataclass(frozen=True, slots=True)
class Questions:
    """What a machine is asked.

    Attributes:
        texts: With one mask each.
        model: A folder; None is the embedded model.
        verify: Whether its stored answers are checked too.
    """

    texts: list[str]
    model: Path | None = None
    verify: bool = False


def ask(machine: Machine, questions: Questions, folder: Path) -> dict[str, Any]:
    """Let a machine answer.

    Args:
        machine: Which.
        questions: What.
        folder: Where an aarch64 Python is, or may be made.

    Returns:
        ``{"machine", "answers": [{token: score}], "checks"}``.

    Raises:
        MissingError: qemu, or what an aarch64 Python is made of, is not there.
    """
    command, extra = _python(machine, folder)
    asked = {"model": questions.model and str(questions.model), "texts": questions.texts, "verify": questions.verify}
    done = subprocess.run(
        [*command, "-W", "ignore", asking.__file__],
        input=json.dumps(asked),
        env=os.environ | extra,
        capture_output=True,
        text=True,
        timeout=_MINUTES * 60,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


def _python(machine: Machine, folder: Path) -> tuple[list[str], dict[str, str]]:
    """The command that starts Python there, and its environment."""
    if machine.qemu is None:
        return [sys.executable], {}
    if shutil.which(machine.qemu) is None:
        raise MissingError(f"{machine.qemu} is missing; apt-get install qemu-user")
    qemu = [machine.qemu, "-cpu", machine.cpu]
    if machine.qemu == HASWELL.qemu:
        if platform.machine() != "x86_64":
            raise MissingError(f"{machine.cpu} needs an x86-64 Python, and this one is for {platform.machine()}")
        return [*qemu, sys.executable], {}
    python = make_sysroot(folder)
    return [*qemu, str(python)], environment(folder, Path(fillmask.__file__).parents[1])
