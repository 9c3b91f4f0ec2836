"""The tokenizer files of an artifact."""

from __future__ import annotations

from pathlib import Path

from fillmask_export.checkpoint import Checkpoint
from fillmask_export.errors import ExportError

_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def save_tokenizer(checkpoint: Checkpoint, folder: Path) -> None:
    """Write ``config.json`` and the tokenizer files that the engine reads into an empty folder.

    Raises:
        ExportError: tokenizers cannot write its file, for example because the disk is full.
    """
    try:
        checkpoint.tokenizer.save_pretrained(folder)
    except OSError:
        raise
    except Exception as error:  # the Rust library raises Exception itself
        raise ExportError(f"the tokenizer cannot be written to {folder}: {error}") from error
    for path in folder.iterdir():
        if path.name not in _FILES:
            path.unlink()
    checkpoint.model.config.save_pretrained(folder)
