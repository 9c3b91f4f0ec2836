"""A model folder: its layout, its manifest, and its files, hashed before anything parses or trusts them.

There are two layouts. A *native* artifact holds ``fillmask.json``, the manifest that ``fillmask export`` writes. A
*foreign* folder has no manifest: optimum writes ``model.onnx``, onnx-community ``onnx/model_quantized.onnx``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fillmask.artifact.external_data import locations
from fillmask.artifact.manifest import MANIFEST, has_manifest, parse_json, read_manifest, usual_variant
from fillmask.artifact.naming import EMBEDDED_MODELS, hub_id, is_folder
from fillmask.artifact.weights_file import WeightsFile, hash_file
from fillmask.errors import ArtifactError, IntegrityError

EMBEDDED = EMBEDDED_MODELS / "minilm-en"

# File names of optimum and transformers.js; the part behind the underscore names the variant.
_GRAPH_FILE = re.compile(r"model(?:_(?P<suffix>\w+))?\.onnx")
_FOREIGN_FOLDERS = ("", "onnx")
# A clone without Git LFS has this text in place of a large file.
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_VARIANT_OF_SUFFIX = {None: "fp32", "quantized": "q8"}


class Graph(NamedTuple):
    """A variant's graph.

    Attributes:
        content: Its bytes, or the path of a foreign graph, for which no manifest vouches.
        weights: The file of the weights outside it; None if there is none, or the graph is foreign.
    """

    content: bytes | Path
    weights: WeightsFile | None = None


class Artifact(NamedTuple):
    """An opened model folder.

    Attributes:
        folder: Its path.
        source: What the caller named: a folder, a hub id or ``"minilm-en"``.
        revision: The hub's 40-hex commit, or None for a folder.
        manifest: ``fillmask.json``, empty for a foreign folder.
        variants: File name of each variant, relative to the folder.
    """

    folder: Path
    source: str
    revision: str | None
    manifest: Mapping[str, Any]
    variants: Mapping[str, str]

    def choose(self, variant: str, *, gpu: bool = False) -> str:
        """Resolve ``"auto"`` and check a name.

        Args:
            variant: A name or ``"auto"``.
            gpu: Whether it is for a GPU.

        Returns:
            The manifest's default variant, on a GPU fp16 or else fp32 where the manifest has one. Of a foreign folder
            fp32 where there is one, since no manifest vouches for the others.

        Raises:
            ArtifactError: The folder has no such variant.
        """
        if variant == "auto":
            variant = usual_variant(self.manifest, self.variants, gpu=gpu)
        if not isinstance(variant, str) or variant not in self.variants:
            raise ArtifactError(f"{self.folder} has no variant {variant!r}; it has {', '.join(self.variants)}")
        return variant

    def graph(self, variant: str) -> Graph:
        """Give a variant's graph, hashed if a manifest lists it. ``check_weights`` hashes its weights.

        Raises:
            IntegrityError: A file is missing, or differs from the one that the manifest lists, the weights in their
                size; or the graph names another file of weights than the manifest.
            ArtifactError: The graph cannot be parsed, or is a pointer of Git LFS.
        """
        if not self.manifest:
            path = self.folder / self.variants[variant]
            _refuse_pointer(path, _first_bytes(path))
            return Graph(path)
        content = self.read(self.variants[variant])
        weights = self.manifest["variants"][variant].get("weights")
        for name in locations(content):
            if name != weights:
                raise IntegrityError(
                    f"{self.folder / self.variants[variant]} reads weights from {name!r}, {MANIFEST} lists "
                    f"{'no file' if weights is None else weights} for {variant}; export the model again"
                )
        if weights is None:
            return Graph(content)
        file = WeightsFile(self.folder / weights)
        if file.size != self.manifest["files"].get(weights, {}).get("bytes"):
            self.check(weights)
        return Graph(content, file)

    def check_weights(self, graph: Graph) -> None:
        """Hash the weights of a graph, of which nothing may be predicted before.

        They are numbers, which nothing parses, so a session may be made of them meanwhile.

        Raises:
            IntegrityError: They differ from those that the manifest lists.
        """
        if graph.weights is not None:
            self._compare(graph.weights.path.name, *graph.weights.hash())

    def read(self, name: str) -> bytes:
        """Give a file's bytes, checked against the SHA-256 of the manifest.

        Raises:
            IntegrityError: The file is missing, or differs from the one that the manifest lists.
            ArtifactError: It is a pointer of Git LFS.
        """
        try:
            content = (self.folder / name).read_bytes()
        except OSError as error:
            raise IntegrityError(f"{self.folder / name} cannot be read: {error.strerror}") from error
        _refuse_pointer(self.folder / name, content)
        if self.manifest:
            self._compare(name, hashlib.sha256(content).hexdigest(), len(content))
        return content

    def check(self, name: str) -> None:
        """Hash a file of a native artifact without reading it into memory.

        Raises:
            IntegrityError: The file is missing, or differs from the one that the manifest lists.
        """
        try:
            with (self.folder / name).open("rb", buffering=0) as file:
                digest, size = hash_file(file)
        except OSError as error:
            raise IntegrityError(f"{self.folder / name} cannot be read: {error.strerror}") from error
        self._compare(name, digest, size)

    def check_all(self) -> list[str]:
        """Hash the files of a native artifact, of a hub model those in the cache, and give their names.

        Raises:
            IntegrityError: One is missing, or differs from what the manifest lists, which must list each graph.
        """
        names = dict.fromkeys([*self.manifest["files"], *self.variants.values()])
        found = [name for name in names if self.revision is None or (self.folder / name).exists()]
        for name in found:
            self.check(name)
        return found

    def read_json(self, name: str) -> dict[str, Any]:
        """Parse a JSON file of the folder; a missing optional file is empty, and a link to no file is an error."""
        path = self.folder / name
        if not path.exists() and not path.is_symlink() and name not in self.manifest.get("files", {}):
            return {}
        return parse_json(path, self.read(name))

    def _compare(self, name: str, got: str, size: int) -> None:
        listed = self.manifest["files"].get(name)
        if listed is None:
            raise IntegrityError(f"{self.folder / name} is not listed in {MANIFEST}; export the model again")
        if got != listed["sha256"]:
            raise IntegrityError(
                f"{self.folder / name} is not the file that {MANIFEST} lists: expected SHA-256 "
                f"{listed['sha256']} ({listed['bytes']} bytes), got {got} ({size} bytes); copy it again"
            )


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(_LFS_POINTER))
    except OSError as error:
        raise IntegrityError(f"{path} cannot be read: {error.strerror}") from error


def _refuse_pointer(path: Path, content: bytes) -> None:
    if content.startswith(_LFS_POINTER):
        raise ArtifactError(
            f"{path} is a pointer of Git LFS, not the file itself; run `git lfs pull` in its repository"
        )


def open_artifact(
    model: str | Path | None, *, variant: str = "auto", revision: str | None = None, gpu: bool = False
) -> Artifact:
    """Open a model folder, a hub model or the embedded model.

    Args:
        model: A folder, a hub id such as ``"org/name"`` or ``"org/name@v1"``, or None or ``"minilm-en"`` for the
            embedded one.
        variant: The variant to use; of a hub model only its files are fetched.
        revision: Branch, tag or commit of a hub model.
        gpu: Whether a GPU may be used; ``"auto"`` can then mean another variant.

    Raises:
        ArtifactError: There is no such folder or hub model, or it holds no ONNX graph.
    """
    if not isinstance(variant, str):
        raise ArtifactError(f"variant must be a name such as 'int8' or 'auto', got {variant!r}")
    if model is None or (model == EMBEDDED.name and not is_folder(model)):
        model = EMBEDDED
    if not isinstance(model, (str, Path)) or not str(model):
        raise ArtifactError(f"model must be a folder, a hub id or None, got {model!r}")
    if revision is not None and not isinstance(revision, str):
        raise ArtifactError(f"revision must be a branch, a tag or a commit, got {revision!r}")
    if is_folder(model):
        if revision is not None:
            raise ArtifactError(f"revision {revision!r} belongs to a hub model, and {model} is a folder")
        return _open_folder(Path(model), model.name if model is EMBEDDED else str(model), None)
    name, revision = hub_id(model, revision)
    from fillmask.artifact import hub

    folder = hub.fetch(name, variant, revision, gpu=gpu)
    return _open_folder(folder, name, folder.name)


def _open_folder(folder: Path, source: str, revision: str | None) -> Artifact:
    if has_manifest(folder):
        manifest = read_manifest(folder / MANIFEST)
        variants = {name: str(entry["file"]) for name, entry in manifest["variants"].items()}
        return Artifact(folder, source, revision, manifest, variants)
    variants = _foreign_variants(folder)
    if not variants:
        names = ", ".join([MANIFEST, "model.onnx", "onnx/model.onnx", "onnx/model_quantized.onnx"])
        if revision is not None:
            raise ArtifactError(f"the hub model {source!r} has none of {names}, … in {folder}; if it is a checkpoint, "
                                f"make a model folder of it: `fillmask export {source} OUT`")  # fmt: skip
        raise ArtifactError(f"{folder} is not a model folder: it holds none of {names}, …; make one with "
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
