"""The bytes of a model and of its software.

Software is what pip installs into an empty environment: base fillmask with the embedded model, beside torch and
transformers in the versions that all suites run. torch is the build that pip finds, which its version names.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.contenders import FILLMASK, REFERENCE, precision_of
from benchmarks.harness.options import SuiteOptions
from benchmarks.harness.records import Row
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import progress
from benchmarks.harness.suite import suite_command
from benchmarks.measures.installing import Installed, InstallError, bytes_of, install
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


def _files(folders: ModelFolders, name: str) -> list[str]:
    manifest = folders.manifest
    variants: dict[str, dict[str, Any]] = manifest["variants"]
    graphs = {variant: {entry["file"], entry.get("weights", entry["file"])} for variant, entry in variants.items()}
    common = set(manifest["files"]) - set().union(*graphs.values())
    return [*common, *graphs[precision_of(name)], "fillmask.json"]


def _sum(folder: Path, names: list[str]) -> int:
    return sum(bytes_of(folder / name) for name in names if (folder / name).exists())


def _add_software(result: SuiteResult) -> None:
    installed: dict[str, Installed] = {}
    with progress(list(_requirements().items()), "size: installing") as software:
        for name, requirements in software:
            try:
                installed[name] = install(requirements, BUILT / "venvs" / name, keep=name != _OURS)
            except InstallError as error:
                result.rows.append(Row(name, "", _SOFTWARE, "MB", [], failed=str(error)))
                result.gate = f"{name} was not installed: {error}"
    for name, each in installed.items():
        largest = {folder: round(size / 1e6, 2) for folder, size in each.largest.items()}
        settings = {"distributions": each.distributions, "largest_mb": largest}
        result.rows.append(Row(name, "", _SOFTWARE, "MB", [each.bytes / 1e6], settings))
        result.rows.append(Row(name, "", _DISTRIBUTIONS, "", [float(len(each.distributions))]))
    for case in (_SOFTWARE, _DISTRIBUTIONS):
        values = {row.contender: [float(row.samples[0])] for row in result.rows if row.case == case and row.samples}  # type: ignore[arg-type]
        result.compare(case, "MB", values, control=None, pairs=[(_OURS, _THEIRS)])


def _requirements() -> dict[str, list[str]]:
    """By software. A package index does not know the local part of a version, as in 2.13.0+cpu."""
    theirs = [f"{name}=={version(name).partition('+')[0]}" for name in ("torch", "transformers")]
    return {_OURS: [str(_ROOT)], _THEIRS: theirs}


command = suite_command("size", measure, "Count the bytes of models and of installed packages.")
