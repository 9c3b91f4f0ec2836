"""The emulated CPUs, and how a model runs on them."""

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
from tests.emulation import guest
from tests.emulation.sysroot import MissingError, environment, make_sysroot

_TIMEOUT_S = 15 * 60


@dataclass(frozen=True, slots=True)
class Machine:
    """A CPU.

    Attributes:
        qemu: The emulator's program; None is this machine itself.
        cpu: qemu's name for it.
        about: Its instructions for int8.
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
class Job:
    """What a machine runs.

    Attributes:
        texts: With one mask each.
        model: A folder; None is the embedded model.
        verify: Whether ``fillmask verify`` runs there too.
    """

    texts: list[str]
    model: Path | None = None
    verify: bool = False


def run(machine: Machine, job: Job, folder: Path) -> dict[str, Any]:
    """Run a job on a machine.

    Args:
        machine: The CPU.
        job: The texts and the model.
        folder: Holds an aarch64 Python, which is made there where it is missing.

    Returns:
        ``{"machine", "predictions": [{token: score}], "checks"}``.

    Raises:
        MissingError: qemu or a part of the aarch64 Python is missing.
        RuntimeError: The process failed.
    """
    command, extra = _python(machine, folder)
    request = {"model": job.model and str(job.model), "texts": job.texts, "verify": job.verify}
    done = subprocess.run(
        [*command, "-W", "ignore", guest.__file__],
        input=json.dumps(request),
        env=os.environ | extra,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _python(machine: Machine, folder: Path) -> tuple[list[str], dict[str, str]]:
    """The command that starts Python there, and its additional environment."""
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
