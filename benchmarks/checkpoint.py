"""A checkpoint of the embedded model's architecture and tokenizer with random weights.

The embedded model ships as int8 only, and how fast a checkpoint loads and runs does not depend on its weights.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from fillmask.artifact.folder import EMBEDDED

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def make_checkpoint(folder: Path) -> Path:
    """Write the checkpoint.

    Returns:
        The folder.
    """
    from transformers import AutoConfig, AutoModelForMaskedLM

    AutoModelForMaskedLM.from_config(AutoConfig.from_pretrained(EMBEDDED)).save_pretrained(folder)
    for name in _TOKENIZER_FILES:
        shutil.copy(EMBEDDED / name, folder / name)
    return folder
