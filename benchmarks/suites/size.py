"""The bytes of a model and of its software.

Software is what pip installs into an empty folder: base fillmask with the embedded model, beside torch and
transformers in the versions that all suites run. torch is the build that pip finds, which its version names.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.contenders import FILLMASK, REFERENCE, precision_of
from benchmarks.harness.options import SuiteOptions
from benchmarks.harness.records import Row
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.suite import suite_command
from benchmarks.models.folders import BUILT, ModelFolders
from fillmask.artifact.folder import EMBEDDED

_ROOT = Path(__file__).parents[2]
_EMBEDDED = "fillmask-embedded"
_OURS, _THEIRS = "fillmask", "torch + transformers"
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "config.json")
_WEIGHTS = {
    REFERENCE: ("model.safetensors", "pytorch_model.bin"),
    "optimum-fp32": ("model.onnx", "model.onnx_data"),
    "optimum-int8": ("model_quantized.onnx",),
}
_MODEL, _SOFTWARE, _DISTRIBUTIONS = ({"of": what} for what in ("model", "software", "distributions"))


class InstallError(Exception):
    """pip failed."""


def measure(options: SuiteOptions, folders: ModelFolders) -> SuiteResult:
    """Count bytes."""
    result = SuiteResult({"ratio": "bytes over bytes"})
    models = {name: [size / 1e6] for name, size in model_bytes(folders).items()}
    for name, size in models.items():
        precision = "int8" if name == _EMBEDDED else precision_of(name)
        result.rows.append(Row(name, precision, _MODEL, "MB", size))
    pairs = [(ours, theirs) for ours in (FILLMASK, "fillmask-fp32") for theirs in _WEIGHTS]
    result.compare(_MODEL, "MB", models, control=None, pairs=pairs)
    _add_software(result)
    return result


def model_bytes(folders: ModelFolders) -> dict[str, int]:
    """Of the files that each contender needs: graph or weights, tokenizer and configuration."""
    sizes = {name: _sum(folders.artifact, _files(folders, name)) for name in (FILLMASK, "fillmask-fp32")}
    for name, weights in _WEIGHTS.items():
        home = folders.checkpoint if name == REFERENCE else folders.optimum
        sizes[name] = _sum(home, [*weights, *_TOKENIZER])
    return {_EMBEDDED: bytes_of(EMBEDDED)} | sizes if folders.name == "minilm" else sizes


def install(requirements: list[str], home: Path) -> list[str]:
    """Install into an empty folder.

    Args:
        requirements: As pip takes them.
        home: The folder.

    Returns:
        The distributions with their versions.

    Raises:
        InstallError: pip failed.
    """
    shutil.rmtree(home, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(home), *requirements]
    # pip's output, which names its indexes, goes to the terminal and into no record.
    if status := subprocess.run(command, check=False, stdout=sys.stderr).returncode:
        raise InstallError(f"pip ended with {status}, see its output")
    shutil.rmtree(home / "bin", ignore_errors=True)
    return sorted(path.name.removesuffix(".dist-info") for path in home.glob("*.dist-info"))


def bytes_of(path: Path) -> int:
    """Of a file, or of all files below a folder."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(each.stat().st_size for each in files if each.is_file())


def _files(folders: ModelFolders, name: str) -> list[str]:
    manifest = folders.manifest
    variants: dict[str, dict[str, Any]] = manifest["variants"]
    graphs = {variant: {entry["file"], entry.get("weights", entry["file"])} for variant, entry in variants.items()}
    common = set(manifest["files"]) - set().union(*graphs.values())
    return [*common, *graphs[precision_of(name)], "fillmask.json"]


def _sum(folder: Path, names: list[str]) -> int:
    return sum(bytes_of(folder / name) for name in names if (folder / name).exists())


def _add_software(result: SuiteResult) -> None:
    # A package index does not know the local part of a version, as in 2.13.0+cpu.
    theirs = [f"{name}=={version(name).partition('+')[0]}" for name in ("torch", "transformers")]
    megabytes, distributions = dict[str, list[float]](), dict[str, list[float]]()
    for name, requirements in ((_OURS, [str(_ROOT)]), (_THEIRS, theirs)):
        home = BUILT / "installed" / name
        try:
            installed = install(requirements, home)
        except InstallError as error:
            result.rows.append(Row(name, "", _SOFTWARE, "MB", [], failed=str(error)))
            result.gate = f"{name} was not installed: {error}"
            continue
        megabytes[name], distributions[name] = [bytes_of(home) / 1e6], [float(len(installed))]
        result.rows.append(Row(name, "", _SOFTWARE, "MB", megabytes[name], {"distributions": installed}))
        result.rows.append(Row(name, "", _DISTRIBUTIONS, "", distributions[name]))
    result.compare(_SOFTWARE, "MB", megabytes, control=None, pairs=[(_OURS, _THEIRS)])
    result.compare(_DISTRIBUTIONS, "", distributions, control=None, pairs=[(_OURS, _THEIRS)])


command = suite_command("size", measure, "Count the bytes of models and of installed packages.")
