"""A hub id to a local snapshot, through huggingface_hub and its cache; ``HF_HUB_OFFLINE`` and ``HF_TOKEN`` count."""

from __future__ import annotations

import json
from pathlib import Path

from fillmask.errors import ArtifactError

_SUFFIX_OF_VARIANT = {"auto": "", "fp32": "", "q8": "_quantized"}


def fetch(model_id: str, variant: str, revision: str | None) -> Path:
    """Download what one variant of a hub model needs, or find it in the cache.

    Returns:
        The snapshot's folder, named by its 40-hex commit.

    Raises:
        ArtifactError: The model, its revision or the network is not there.
    """
    folder = _snapshot(model_id, revision, ["*.json"])
    return _snapshot(model_id, folder.name, ["*.json", *_graph_files(folder, variant)])


def _graph_files(folder: Path, variant: str) -> list[str]:
    manifest = folder / "fillmask.json"
    if manifest.exists():
        listed = json.loads(manifest.read_bytes())
        name = listed["default_variant"] if variant == "auto" else variant
        return [entry["file"] for key, entry in listed["variants"].items() if key == name]
    graph = f"model{_SUFFIX_OF_VARIANT.get(variant, '_' + variant)}.onnx"
    return [f"{subfolder}{graph}{part}" for subfolder in ("", "onnx/") for part in ("", "_data")]


def _snapshot(model_id: str, revision: str | None, patterns: list[str]) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model_id, revision=revision, allow_patterns=patterns))
    except (OSError, ValueError) as error:
        at = f" at revision {revision}" if revision else ""
        reason = str(error).strip().splitlines()[0]
        raise ArtifactError(f"{model_id!r} is not a folder, and the hub model{at} cannot be had: {reason}") from error
