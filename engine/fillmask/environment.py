"""Versions of installed packages, for records and reports."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version


def versions(packages: Sequence[str]) -> dict[str, str]:
    """The version of each package.

    ONNX Runtime's module comes in packages of several names, such as ``onnxruntime-gpu``: where none is installed under
    the plain name, the module says its version.

    Raises:
        PackageNotFoundError: One is not installed.
    """
    return {package: _version(package) for package in packages}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        if package != "onnxruntime":
            raise
        return str(import_module(package).__version__)
