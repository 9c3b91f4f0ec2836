"""The tokenizer files of an artifact."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from transformers.utils import cached_file

from fillmask_export.checkpoint import Checkpoint
from fillmask_export.errors import ExportError, FidelityError
from fillmask_export.python_tokenizers import fast_version
from fillmask_export.verify.tokenizer_check import check_tokenizer

_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
_OF_CHECKPOINT = (*_FILES, "added_tokens.json")


def write_tokenizer(checkpoint: Checkpoint, folder: Path) -> dict[str, int]:
    """Write ``config.json`` and the tokenizer files, and compare the engine's tokenizer with transformers'.

    transformers can lose flags of added tokens when it saves a tokenizer that it has loaded with an added_tokens.json.
    Then the checkpoint's own files are written, which the engine reads as transformers does.

    Returns:
        What ``check_tokenizer`` returns.

    Raises:
        ExportError: The files cannot be written.
        FidelityError: The engine encodes or decodes a text in another way than transformers.
    """
    save_tokenizer(checkpoint, folder)
    try:
        return check_tokenizer(checkpoint.tokenizer, folder)
    except FidelityError:
        if not copy_tokenizer(checkpoint, folder):
            raise
        return check_tokenizer(checkpoint.tokenizer, folder)


def save_tokenizer(checkpoint: Checkpoint, folder: Path) -> None:
    """Write ``config.json`` and the tokenizer files as transformers saves them into an empty folder.

    Raises:
        ExportError: tokenizers cannot write its file, for example because the disk is full.
    """
    try:
        fast_version(checkpoint.tokenizer).save_pretrained(folder)
    except OSError:
        raise
    except Exception as error:  # the Rust library raises Exception itself
        raise ExportError(f"the tokenizer cannot be written to {folder}: {error}") from error
    for path in folder.iterdir():
        if path.name not in _FILES:
            path.unlink()
    _name_inputs(checkpoint.tokenizer, folder)
    checkpoint.model.config.save_pretrained(folder)


def copy_tokenizer(checkpoint: Checkpoint, folder: Path) -> bool:
    """Replace the saved tokenizer files by the checkpoint's own; gives whether it has a tokenizer.json."""
    source, revision = checkpoint.tokenizer.name_or_path, checkpoint.revision
    paths = {
        name: cached_file(source, name, revision=revision, _raise_exceptions_for_missing_entries=False)
        for name in _OF_CHECKPOINT
    }
    if paths["tokenizer.json"] is None:
        return False
    for name, path in paths.items():
        (folder / name).unlink(missing_ok=True)
        if path is not None:
            shutil.copyfile(path, folder / name)
    return True


def _name_inputs(tokenizer: Any, folder: Path) -> None:  # noqa: ANN401
    """Write which inputs the tokenizer gives, such as token types: for some classes this depends on the version."""
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    settings.setdefault("model_input_names", list(tokenizer.model_input_names))
    path.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
