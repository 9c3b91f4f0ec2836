"""The gate: a contender with wrong predictions gets no speed, and without an accuracy run there are no speeds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.device import CPU, Device
from benchmarks.harness.records import read
from benchmarks.models.folders import ModelFolders


@dataclass(frozen=True, slots=True)
class Gate:
    """The result of an accuracy run: by contender why it takes no part, and why there are no speeds at all, or None."""

    refused: dict[str, str] = field(default_factory=dict)
    reason: str | None = None


def open_gate(folder: Path, folders: ModelFolders, device: Device = CPU) -> Gate:
    """Read the accuracy run of a model, of the same weights and graphs, from the folder of the records."""
    suffix = "" if device.is_cpu else f"-{device.name}"
    path = folder / f"accuracy-{folders.name}{suffix}.json"
    if not path.exists():
        return Gate(reason=f"accuracy was not measured; run python -m benchmarks accuracy --model {folders.name} first")
    record = read(path)
    if record.params["subject"] != folders.described():
        return Gate(reason="accuracy was measured on other weights or graphs; measure it again")
    refused: dict[str, str] = record.params["refused"]
    ours = blocking(refused, device)
    return Gate(refused, f"accuracy: {ours}" if ours else None)


def blocking(refused: dict[str, str], device: Device) -> dict[str, str]:
    """The refusals that leave no speeds at all: of any variant of fillmask on a CPU, of the main one on a GPU."""
    names = [name for name in refused if name.startswith("fillmask" if device.is_cpu else device.ours)]
    return {name: refused[name] for name in names}
