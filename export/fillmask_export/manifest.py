"""``fillmask.json``: the artifact's source, files, tools and figures."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fillmask.artifact.manifest import MANIFEST, SCHEMA_VERSION
from fillmask.environment import versions
from fillmask_export.checkpoint import Checkpoint
from fillmask_export.tracing import find_tracer

_TOOLS = ("fillmask", "torch", "transformers", "onnx", "onnx-ir", "onnxruntime", "tokenizers")
_TRACERS = {"optimum": "optimum-onnx", "torch.export": "onnxscript"}


def file_record(content: bytes) -> dict[str, Any]:
    """A file's entry: its SHA-256 and its size in bytes."""
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def write_manifest(folder: Path, description: Mapping[str, Any]) -> dict[str, Any]:
    """Write the manifest of a finished folder.

    Args:
        folder: Holds every file of the artifact.
        description: What the files do not show: source, architecture, variants, ….

    Returns:
        The manifest.
    """
    files = {path.name: file_record(path.read_bytes()) for path in sorted(folder.iterdir())}
    manifest = {"schema_version": SCHEMA_VERSION, **description, "files": files, "tools": tools()}
    save_manifest(folder, manifest)
    return manifest


def save_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write a manifest, for example again with figures measured on the finished folder."""
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def describe(checkpoint: Checkpoint, limit: int) -> dict[str, Any]:
    """The manifest's description of the checkpoint.

    Args:
        checkpoint: The loaded checkpoint.
        limit: Largest number of tokens it takes.
    """
    return {
        "source": {"checkpoint": checkpoint.source, "revision": checkpoint.revision},
        "architecture": checkpoint.architecture,
        "tracer": find_tracer(),
        "mask_token": checkpoint.tokenizer.mask_token,
        "mask_token_id": checkpoint.tokenizer.mask_token_id,
        "vocab_size": checkpoint.model.config.vocab_size,
        "max_length": limit,
        "graph": {
            "inputs": ["input_ids int64[b, s]", "attention_mask int64[b, s]", "mask_positions int64[b, m]"],
            "outputs": ["logits float32[b, m, V]"],
        },
    }


def tools() -> dict[str, str]:
    """Versions of Python and of the packages that made the artifact."""
    return {"python": platform.python_version()} | versions([*_TOOLS, _TRACERS[find_tracer()]])
