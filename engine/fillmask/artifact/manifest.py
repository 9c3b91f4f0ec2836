"""``fillmask.json``: what a model folder promises of its files and variants, checked before it is used."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fillmask.errors import ArtifactError

MANIFEST = "fillmask.json"
SCHEMA_VERSION = 1
# In order of preference. The others are quantized for CPUs: on a GPU most of their MatMuls would run on the CPU.
GPU_VARIANTS = ("fp16", "fp32")
# Keys of a variant's entry that earlier versions wrote under another name.
_EARLIER_KEYS = {"answers": "expected"}
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def read_manifest(path: Path) -> dict[str, Any]:
    """Parse a manifest and check what the engine reads of it; keys of earlier versions get their present names.

    Raises:
        ArtifactError: It is not a manifest that this version reads.
    """
    try:
        manifest = parse_json(path, path.read_bytes())
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}") from error
    version = manifest.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ArtifactError(f"{path} has schema_version {version!r}, this fillmask reads {SCHEMA_VERSION}")
    files, variants = manifest.get("files"), manifest.get("variants")
    if not _is_table(files, sha256=str, bytes=int) or not _is_table(variants, file=str):
        raise ArtifactError(
            f"{path} must map files to sha256 and bytes, and variants to a file; export the model again"
        )
    if not isinstance(default := manifest.get("default_variant", ""), str):
        raise ArtifactError(f"{path} must name its default_variant, got {default!r}; export the model again")
    for entry in manifest["variants"].values():
        for earlier in _EARLIER_KEYS.keys() & entry.keys():
            entry.setdefault(_EARLIER_KEYS[earlier], entry.pop(earlier))
    graphs = [entry[key] for entry in manifest["variants"].values() for key in ("file", "weights") if key in entry]
    names = [*manifest["files"], *graphs]
    unsafe = [name for name in names if not isinstance(name, str) or not _FILE_NAME.fullmatch(name)]
    if unsafe:
        raise ArtifactError(f"{path} lists {unsafe[0]!r}, which is not the name of a file in its own folder")
    return manifest


def has_manifest(folder: Path) -> bool:
    """Whether a folder is native. A link to no file is a manifest that cannot be read, rather than none."""
    path = folder / MANIFEST
    return path.exists() or path.is_symlink()


def usual_variant(manifest: Mapping[str, Any], variants: Iterable[str], *, gpu: bool) -> str:
    """What ``"auto"`` stands for: see ``Artifact.choose``."""
    names = list(variants)
    for_gpus = [variant for variant in GPU_VARIANTS if variant in names] if manifest and gpu else []
    usual = "fp32" if "fp32" in names else names[0]
    variant: str = for_gpus[0] if for_gpus else manifest.get("default_variant", usual)
    return variant


def parse_json(path: Path, content: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Args:
        path: Where the content is from, for errors.
        content: UTF-8.

    Raises:
        ArtifactError: The content is not a JSON object.
    """
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise ArtifactError(f"{path} must hold a JSON object, got {type(parsed).__name__}")
    return parsed


def _is_table(table: object, **columns: type) -> bool:
    """Whether a value is a JSON object, not empty, of objects that have these members."""
    return (
        isinstance(table, dict)
        and bool(table)
        and all(
            isinstance(row, dict) and all(isinstance(row.get(name), kind) for name, kind in columns.items())
            for row in table.values()
        )
    )
