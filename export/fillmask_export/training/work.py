"""The folder of an unfinished training, from which the same command continues."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from fillmask_export.training.errors import TrainingError
from fillmask_export.training.recipe import Recipe

# These may differ from run to run: the budget and the device.
_FREE = ("minutes", "steps", "device")


class Work:
    """The files of an unfinished training, beside its output folder."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.folder = out.with_name(out.name + ".training")
        self._note = self.folder / "training.json"
        self._state = self.folder / "state.pt"
        self._settings: dict[str, Any] = {}

    def claim(self, source: str, files: Iterable[Path], recipe: Recipe) -> bool:
        """Create the folder, or compare its settings.

        Returns:
            Whether it holds the tokenized texts of a training with the same settings.

        Raises:
            TrainingError: It holds steps of a training with other settings.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._settings = {"encoder": source, "files": [[file.name, file.stat().st_size] for file in files]} | {
            name: value for name, value in asdict(recipe).items() if name not in _FREE
        }
        found = json.loads(self._note.read_text(encoding="utf-8")) if self._note.exists() else {}
        differing = [name for name, value in self._settings.items() if found.get(name) != value]
        if differing and self._state.exists():
            raise TrainingError(
                f"{self.folder} holds an unfinished training with other settings: "
                + ", ".join(f"{name} was {found.get(name)}, is {self._settings[name]}" for name in differing)
                + "; continue with its settings, or delete that folder"
            )
        return not differing

    def note(self) -> None:
        """Record that all texts are tokenized."""
        write_json(self._note, self._settings)

    def load(self) -> dict[str, Any] | None:
        """The last saved state, if any."""
        return torch.load(self._state, map_location="cpu", weights_only=True) if self._state.exists() else None

    def save(self, state: dict[str, Any]) -> None:
        """Write the state; at any moment a complete one is on disk."""
        partial = self.folder / "state.pt.partial"
        torch.save(state, partial)
        os.replace(partial, self._state)

    def finish(self, model: PreTrainedModel, tokenizer: Any, report: dict[str, Any]) -> None:  # noqa: ANN401
        """Write the checkpoint, which appears complete or not at all, and remove the folder."""
        finished = self.folder / "finished"
        model.save_pretrained(finished)
        tokenizer.save_pretrained(finished)
        write_json(finished / "training.json", report)
        finished.rename(self.out)
        shutil.rmtree(self.folder)


def write_json(path: Path, content: object) -> None:
    """Write a file completely or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, path)
