"""A folder with aarch64's C library, Python and wheels, from Debian's archive and the package index.

apt gets an empty package state of its own: nothing is installed on this machine, and root is not needed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("python3-minimal", "libpython3-stdlib", "libstdc++6")
_WHEELS = ("click", "numpy", "onnxruntime", "tokenizers")
_PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
# A Cortex-A72. qemu before 8.1 shows a program this machine's own /proc/cpuinfo. ONNX Runtime looks for an Arm core in
# it, finds none, and crashes on import. A file in the sysroot takes precedence over that of the machine.
_CORE = """processor\t: {number}
BogoMIPS\t: 100.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3

"""


class MissingError(Exception):
    """Something that emulation needs is missing; the message says what to install."""


def make_sysroot(folder: Path) -> Path:
    """Make the folder, or reuse it if it is complete.

    Returns:
        The Python in it.

    Raises:
        MissingError: There is no apt, no network, or the archive has no arm64.
    """
    folder = folder.absolute()  # apt resolves a relative path against a folder of its own
    root, done = folder / "root", folder / "complete"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        for package in _download_packages(folder):
            _run(["dpkg-deb", "--extract", str(package), str(root)])
        _install_wheels(folder / "site", _python(root).name.removeprefix("python"))
        (root / "proc").mkdir()
        cores = "".join(_CORE.format(number=number) for number in range(os.cpu_count() or 1))
        (root / "proc" / "cpuinfo").write_text(cores)
        done.touch()
    return _python(root)


def environment(folder: Path, source: Path) -> dict[str, str]:
    """The environment of a sysroot's Python.

    Args:
        folder: The sysroot's.
        source: The folder that holds the package fillmask.
    """
    path = os.pathsep.join(map(str, (folder.absolute() / "site", source)))
    root = str(folder.absolute() / "root")
    return {"QEMU_LD_PREFIX": root, "PYTHONHOME": f"{root}/usr", "PYTHONPATH": path, "PYTHONUTF8": "1"}


def _download_packages(folder: Path) -> list[Path]:
    archives = folder / "apt" / "archives"
    for made in (archives / "partial", folder / "apt" / "lists" / "partial"):
        made.mkdir(parents=True)
    status = folder / "apt" / "status"
    status.touch()
    settings = {
        "APT::Architecture": "arm64",
        "APT::Architectures::": "arm64",
        "Dir::State::lists": archives.parent / "lists",
        "Dir::State::status": status,
        "Dir::Cache": archives.parent,
        "Dir::Cache::archives": archives,
        "Debug::NoLocking": "1",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "--quiet", *(f"--option={name}={value}" for name, value in settings.items())]
    _run([*apt, "update"])
    _run([*apt, "--yes", "--no-install-recommends", "--download-only", "install", *_PACKAGES])
    return sorted(archives.glob("*.deb"))


def _install_wheels(folder: Path, python: str) -> None:
    platforms = [f"--platform={platform}" for platform in _PLATFORMS]
    wheels = [f"{name}=={version(name)}" for name in _WHEELS]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]
    _run([*pip, f"--python-version={python}", *platforms, f"--target={folder}", *wheels])


def _python(root: Path) -> Path:
    (python,) = (path for path in (root / "usr" / "bin").glob("python3.*") if path.name[8:].isdigit())
    return python


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise MissingError(f"{command[0]} is missing; an aarch64 Python is built with it, on Debian") from error
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or error.stdout).strip().splitlines()[-1:]
        raise MissingError(
            f"{' '.join(command[:2])} failed: {' '.join(reason)}; an aarch64 Python is built from Debian's arm64 "
            f"packages and from wheels, so apt and pip must reach both"
        ) from error
