"""A model folder: which layout it has, what its manifest promises, and its files, hashed before anything parses them.

Two layouts are read. A *native* artifact holds ``fillmask.json``, the manifest that ``fillmask export`` writes. A
*foreign* folder has none: optimum's (``model.onnx``) or onnx-community's (``onnx/model_quantized.onnx``, …).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fillmask.errors import ArtifactError, IntegrityError

MANIFEST = "fillmask.json"
SCHEMA_VERSION = 1
EMBEDDED = Path(__file__).parent / "models" / "minilm-en"

# How optimum and transformers.js name their files; what follows the underscore names the variant.
_GRAPH_FILE = re.compile(r"model(?:_(?P<suffix>\w+))?\.onnx")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_FOREIGN_FOLDERS = ("", "onnx")
_VARIANT_OF_SUFFIX = {None: "fp32", "quantized": "q8"}


@dataclass(frozen=True, slots=True)
class Artifact:
    """A model folder that can be read.

    Attributes:
        folder: Where it is.
        source: What the caller asked for: a folder, a hub id or ``"minilm-en"``.
        revision: The hub's 40-hex commit, or None for a folder.
        manifest: ``fillmask.json``, empty for a foreign folder.
        variants: File name of each variant, relative to the folder.
    """

    folder: Path
    source: str
    revision: str | None
    manifest: Mapping[str, Any]
    variants: Mapping[str, str]

    def choose(self, variant: str) -> str:
        """Resolve ``"auto"`` and check a name.

        Returns:
            The manifest's default variant, or for a foreign folder fp32 where it is there, since nothing vouches
            for the others.

        Raises:
            ArtifactError: The folder has no such variant.
        """
        if variant == "auto":
            usual = "fp32" if "fp32" in self.variants else next(iter(self.variants))
            variant = self.manifest.get("default_variant", usual)
        if not isinstance(variant, str) or variant not in self.variants:
            raise ArtifactError(f"{self.folder} has no variant {variant!r}; it has {', '.join(self.variants)}")
        return variant

    def graph(self, variant: str) -> bytes | Path:
        """Give a variant's graph: its bytes, or the path of a foreign graph, whose weights may lie beside it."""
        name = self.variants[variant]
        return self.read(name) if self.manifest else self.folder / name

    def read(self, name: str) -> bytes:
        """Give a file's bytes once its SHA-256 is the manifest's.

        Raises:
            IntegrityError: The file is missing, or another than the manifest lists.
        """
        try:
            content = (self.folder / name).read_bytes()
        except OSError as error:
            raise IntegrityError(f"{self.folder / name} cannot be read: {error.strerror}") from error
        if self.manifest:
            self._check(name, content)
        return content

    def read_json(self, name: str) -> dict[str, Any]:
        """Parse a JSON file of the folder; an optional file that is not there is empty."""
        if not (self.folder / name).exists() and name not in self.manifest.get("files", {}):
            return {}
        return _parse_json(self.folder / name, self.read(name))

    def _check(self, name: str, content: bytes) -> None:
        listed = self.manifest["files"].get(name)
        if listed is None:
            raise IntegrityError(f"{self.folder / name} is not listed in {MANIFEST}; export the model again")
        got = hashlib.sha256(content).hexdigest()
        if got != listed["sha256"]:
            raise IntegrityError(
                f"{self.folder / name} is not the file that {MANIFEST} lists: expected SHA-256 "
                f"{listed['sha256']} ({listed['bytes']} bytes), got {got} ({len(content)} bytes); copy it again"
            )


def open_artifact(model: str | Path | None, *, variant: str = "auto", revision: str | None = None) -> Artifact:
    """Open a model folder, a hub model or the embedded model.

    Args:
        model: A folder, a hub id such as ``"org/name"``, or None for the embedded English model.
        variant: Which variant will be used; of a hub model only its files are fetched.
        revision: Branch, tag or commit of a hub model.

    Raises:
        ArtifactError: There is no such folder or hub model, or it holds no ONNX graph.
    """
    if model is None:
        return _open_folder(EMBEDDED, EMBEDDED.name, None)
    if not isinstance(model, (str, Path)) or not str(model):
        raise ArtifactError(f"model must be a folder, a hub id or None, got {model!r}")
    if revision is not None and not isinstance(revision, str):
        raise ArtifactError(f"revision must be a branch, a tag or a commit, got {revision!r}")
    if Path(model).is_dir():
        if revision is not None:
            raise ArtifactError(f"revision {revision!r} belongs to a hub model, and {model} is a folder")
        return _open_folder(Path(model), str(model), None)
    if isinstance(model, Path) or not re.fullmatch(r"[\w-][\w.-]*(/[\w.-]+)?", model):
        raise ArtifactError(f"{model} is not a folder, and not the id of a hub model")
    from fillmask import hub

    folder = hub.fetch(model, variant, revision)
    return _open_folder(folder, model, folder.name)


def _open_folder(folder: Path, source: str, revision: str | None) -> Artifact:
    if (folder / MANIFEST).is_file():
        manifest = read_manifest(folder / MANIFEST)
        variants = {name: str(entry["file"]) for name, entry in manifest["variants"].items()}
        return Artifact(folder, source, revision, manifest, variants)
    variants = _foreign_variants(folder)
    if not variants:
        looked_for = ", ".join([MANIFEST, "model.onnx", "onnx/model.onnx", "onnx/model_quantized.onnx"])
        raise ArtifactError(f"{folder} is not a model folder: it holds none of {looked_for}, …; make one with "
                            f"`fillmask export`")  # fmt: skip
    return Artifact(folder, source, revision, {}, variants)


def _foreign_variants(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for subfolder in _FOREIGN_FOLDERS:
        for path in sorted((folder / subfolder).glob("model*.onnx"), key=lambda path: (len(path.name), path.name)):
            if match := _GRAPH_FILE.fullmatch(path.name):
                suffix = match["suffix"]
                variant = _VARIANT_OF_SUFFIX.get(suffix, suffix)
                found.setdefault(variant, path.relative_to(folder).as_posix())
    return found


def read_manifest(path: Path) -> dict[str, Any]:
    """Parse a manifest and check what the engine reads of it.

    Raises:
        ArtifactError: It is not a manifest that this version reads.
    """
    manifest = _parse_json(path, path.read_bytes())
    version = manifest.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ArtifactError(f"{path} has schema_version {version!r}, this fillmask reads {SCHEMA_VERSION}")
    files, variants = manifest.get("files", {}), manifest.get("variants", {})
    if not _is_table(files, sha256=str, bytes=int) or not _is_table(variants, file=str) or not variants:
        raise ArtifactError(
            f"{path} must map files to sha256 and bytes, and variants to a file; export the model again"
        )
    unsafe = [
        name for name in [*files, *(entry["file"] for entry in variants.values())] if not _FILE_NAME.fullmatch(name)
    ]
    if unsafe:
        raise ArtifactError(f"{path} lists {unsafe[0]!r}, which is not the name of a file in its own folder")
    return manifest


def _is_table(table: object, **columns: type) -> bool:
    """Whether it is a JSON object of objects that have these members."""
    return isinstance(table, dict) and all(
        isinstance(row, dict) and all(isinstance(row.get(name), kind) for name, kind in columns.items())
        for row in table.values()
    )


def _parse_json(path: Path, content: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise ArtifactError(f"{path} must hold a JSON object, got {type(parsed).__name__}")
    return parsed
