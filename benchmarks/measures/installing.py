"""Packages installed into an environment of their own, and their size."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class InstallError(Exception):
    """pip failed."""


@dataclass(frozen=True, slots=True)
class Installed:
    """The content of an environment.

    Attributes:
        bytes: Of all files, including those that pip compiles.
        distributions: By name, their versions.
        largest: The largest directories of its packages, in bytes.
    """

    bytes: int
    distributions: dict[str, str]
    largest: dict[str, int]


def install(requirements: Sequence[str], home: Path, *, keep: bool) -> Installed:
    """Install into a fresh environment without pip of its own.

    Args:
        requirements: As pip takes them.
        home: The environment's folder.
        keep: Keep an environment that was made of the same requirements.

    Raises:
        InstallError: pip failed.
    """
    made_of = home / "requirements.json"
    if not (keep and made_of.exists() and json.loads(made_of.read_text()) == list(requirements)):
        shutil.rmtree(home, ignore_errors=True)
        venv.create(home, with_pip=False, symlinks=True)
        command = [sys.executable, "-m", "pip", "--python", str(home), "install", "--quiet", *requirements]
        # pip's output, which names its indexes, goes to the terminal and into no record.
        if status := subprocess.run(command, check=False, stdout=sys.stderr).returncode:
            raise InstallError(f"pip ended with {status}, see its output")
        made_of.write_text(json.dumps(list(requirements)))
    return measure_size(next(home.glob("[Ll]ib/**/site-packages")))


def measure_size(packages: Path) -> Installed:
    """The size of a ``site-packages`` folder."""
    names = [path.name.removesuffix(".dist-info").partition("-") for path in packages.glob("*.dist-info")]
    sizes = {path.name: bytes_of(path) for path in packages.iterdir()}
    largest = sorted(sizes, key=lambda name: -sizes[name])[:5]
    distributions = {name: version for name, _, version in sorted(names)}
    return Installed(sum(sizes.values()), distributions, {name: sizes[name] for name in largest})


def bytes_of(path: Path) -> int:
    """Of a file, or of all files below a folder."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(each.stat().st_size for each in files if each.is_file())
