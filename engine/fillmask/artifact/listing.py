"""The models on this machine: the embedded ones, those in folders, and those in the cache of the hub."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fillmask.artifact.folder import Artifact, open_artifact
from fillmask.artifact.naming import EMBEDDED_MODELS
from fillmask.errors import ArtifactError

if TYPE_CHECKING:
    from huggingface_hub import CachedRepoInfo


@dataclass(frozen=True, slots=True)
class Listed:
    """A model that can be opened by its name.

    Attributes:
        name: What ``FillMask`` takes: an embedded model's name, a folder, or ``ID@COMMIT``, a revision of a hub model.
        place: ``"embedded"``, ``"folder"`` or ``"hub cache"``.
        folder: Where its files are.
        variants: Those whose graph is there.
        bytes: Size of its files.
    """

    name: str
    place: str
    folder: str
    variants: tuple[str, ...]
    bytes: int


def list_models(folders: Iterable[str | Path] = (".",)) -> Iterator[Listed]:
    """List the embedded models, then those of folders and of their direct subfolders, then those of the hub's cache.

    A folder that holds no model, or that this user may not read, is passed over.
    """
    for folder in sorted(EMBEDDED_MODELS.iterdir()):
        yield from _listed(folder.name, "embedded", folder)
    for folder in map(Path, folders):
        for each in [folder, *_subfolders(folder)]:
            yield from _listed(str(each), "folder", each)
    yield from _of_the_cache()


def _of_the_cache() -> Iterator[Listed]:
    """The revisions of the hub's cache, the branch ``main`` without its commit."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    repositories: Iterable[CachedRepoInfo] = ()
    with suppress(CacheNotFound, OSError, ValueError):  # a ValueError where a file has the name of the cache
        repositories = sorted(scan_cache_dir().repos, key=lambda each: each.repo_id)
    for repository in repositories:
        for revision in repository.revisions if repository.repo_type == "model" else ():
            name = repository.repo_id + ("" if "main" in revision.refs else f"@{revision.commit_hash}")
            yield from _listed(name, "hub cache", revision.snapshot_path)


def _listed(name: str, place: str, folder: Path) -> Iterator[Listed]:
    with suppress(ArtifactError, OSError):
        artifact = open_artifact(folder)
        variants = [variant for variant, file in artifact.variants.items() if (folder / file).exists()]
        if variants:
            yield Listed(name, place, str(folder), tuple(variants), _size(artifact))


def _size(artifact: Artifact) -> int:
    paths = [path for subfolder in ("", "onnx") for path in (artifact.folder / subfolder).glob("*")]
    return sum(path.stat().st_size for path in paths if path.is_file())


def _subfolders(folder: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(each for each in folder.iterdir() if each.is_dir())
    return []
