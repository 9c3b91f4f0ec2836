"""The folder of an unfinished training, from which the same command continues."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from fillmask.artifact.weights_file import hash_file
from fillmask.errors import first_line
from fillmask_export.durable import replacing, sync, sync_tree, try_lock, write_json
from fillmask_export.quiet import quiet
from fillmask_export.training.errors import TrainingError
from fillmask_export.training.recipe import Recipe

# These may differ from run to run: the budget and the device.
_FREE = ("minutes", "steps", "device")


class Work:
    """The files of an unfinished training, beside its output folder."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.folder = out.with_name(out.name + ".training")
        self._lock = self.folder / "lock"
        self._note = self.folder / "training.json"
        self._state = self.folder / "state.pt"
        self._files: list[Path] = []
        self._settings: dict[str, Any] = {}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Create the folder and keep other processes from it; a folder in which nothing was written is removed.

        Raises:
            TrainingError: Another process has it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = try_lock(self._lock)
        if lock is None:
            raise TrainingError(f"another process trains in {self.folder}; wait for it, or name another output folder")
        with lock:
            try:
                yield
            finally:
                if [path.name for path in self.folder.glob("*")] == [self._lock.name]:
                    shutil.rmtree(self.folder, ignore_errors=True)

    def claim(self, source: str, tokenizer: Any, files: Iterable[Path], recipe: Recipe) -> bool:  # noqa: ANN401
        """Compare the settings of the folder, the vocabulary and the content of the texts.

        Returns:
            Whether it holds the tokenized texts of a training with the same settings. If not, it no longer says that it
            holds any.

        Raises:
            TrainingError: It holds steps of a training with other settings, or its settings cannot be read.
        """
        self._files = list(files)
        texts = {"vocabulary": _hash_vocabulary(tokenizer), "files": [_describe(file) for file in self._files]}
        settings = {name: value for name, value in asdict(recipe).items() if name not in _FREE}
        self._settings = {"encoder": source} | texts | settings
        found = self._read_note() if self._note.exists() else {}
        differing = [name for name, value in self._settings.items() if found.get(name) != value]
        if differing and self._state.exists():
            raise TrainingError(
                f"{self.folder} holds an unfinished training with other settings: "
                + ", ".join(_difference(name, found.get(name), self._settings[name]) for name in differing)
                + "; continue with its settings, or delete that folder"
            )
        if differing:
            self._forget()
        return not differing

    def _forget(self) -> None:
        """Remove the note before other tokens take the place of those it describes, also on a power cut."""
        with self.writing(OSError):
            self._note.unlink(missing_ok=True)
            sync(self.folder)

    @contextmanager
    def writing(self, *kinds: type[Exception]) -> Iterator[None]:
        """Report what cannot be written, such as on a full disk.

        Args:
            kinds: The errors that mean it. Those of torch, safetensors and tokenizers have no common base.

        Raises:
            TrainingError: A file cannot be written.
        """
        try:
            yield
        except kinds as error:
            name = error.filename if isinstance(error, OSError) else None
            if name is not None and not _is_below(name, self.folder):
                raise  # of a file that is read
            raise TrainingError(
                f"{self.folder} cannot be written to: {first_line(error)}; free space there, and start the same "
                f"command again, which goes on from the last saved state"
            ) from error

    @contextmanager
    def reading(self, *files: str) -> Iterator[None]:
        """Report what cannot be read.

        Args:
            files: The files that are read.

        Raises:
            TrainingError: One is damaged.
        """
        try:
            yield
        except Exception as error:  # the errors of torch, numpy and zipfile have no common base
            raise TrainingError(
                f"{' or '.join(str(self.folder / file) for file in files)} is damaged: {first_line(error)}; delete "
                f"{self.folder} to start the training over"
            ) from error

    def note(self) -> None:
        """Record that all texts are tokenized.

        Raises:
            TrainingError: One changed meanwhile, or the record cannot be written.
        """
        for file, claimed in zip(self._files, self._settings["files"], strict=True):
            if _describe(file) != claimed:
                raise TrainingError(f"{file} changed while it was read; start the same command again to read it anew")
        with self.writing(Exception):
            for file in self.folder.iterdir():
                sync(file)
            write_json(self._note, self._settings)

    def load(self) -> dict[str, Any] | None:
        """The last saved state, if any.

        Raises:
            TrainingError: It is damaged.
        """
        if not self._state.exists():
            return None
        with self.reading(self._state.name):
            state: dict[str, Any] = torch.load(self._state, map_location="cpu", weights_only=True)
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Write the state; at any moment a complete one is on disk.

        Raises:
            TrainingError: It cannot be written.
        """
        with self.writing(Exception), replacing(self._state) as partial:
            torch.save(state, partial)

    def finish(self, model: PreTrainedModel, tokenizer: Any, report: dict[str, Any]) -> None:  # noqa: ANN401
        """Write the checkpoint, which appears complete or not at all, and remove the folder.

        Raises:
            TrainingError: It cannot be written.
        """
        finished = self.folder / "finished"
        with self.writing(Exception), quiet():
            model.save_pretrained(finished)
            tokenizer.save_pretrained(finished)
            write_json(finished / "training.json", report)
            sync_tree(finished)
            finished.rename(self.out)
            sync(self.out.absolute().parent)
        shutil.rmtree(self.folder)

    def _read_note(self) -> dict[str, Any]:
        with self.reading(self._note.name):
            found: dict[str, Any] = dict(json.loads(self._note.read_bytes()))
        return found


def _describe(file: Path) -> dict[str, Any]:
    """What identifies a text: hashing takes a second a gigabyte, and an edit may keep the size and the time."""
    with file.open("rb", buffering=0) as content:
        digest, size = hash_file(content)
    return {"name": file.name, "bytes": size, "sha256": digest}


def _hash_vocabulary(tokenizer: Any) -> str:  # noqa: ANN401
    """What the ids mean: an encoder's folder may get another tokenizer."""
    tokens = sorted(tokenizer.get_vocab().items())
    return hashlib.sha256(json.dumps(tokens).encode()).hexdigest()


def _difference(name: str, before: Any, now: Any) -> str:  # noqa: ANN401 -- settings
    """What a setting was and is; of lists only the items that differ, since files can be many."""
    if isinstance(before, list) and isinstance(now, list):
        before, now = (
            [item for item in before if item not in now] or before,
            [item for item in now if item not in before] or now,
        )
    return f"{name} was {before}, is {now}"


def _is_below(name: str | bytes, folder: Path) -> bool:
    return Path(os.fsdecode(name)).absolute().is_relative_to(folder.absolute())
