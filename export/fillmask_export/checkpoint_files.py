"""Files of a checkpoint: links, and names of other files, are checked before transformers opens what they lead to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from transformers.utils import cached_file

from fillmask.artifact import hub
from fillmask.artifact.manifest import parse_json
from fillmask.errors import ArtifactError, FillMaskError, first_line
from fillmask_export.errors import CheckpointError

# Indexes of weights in several files, and how the names of these files end.
_INDEXES = {"model.safetensors.index.json": ".safetensors", "pytorch_model.bin.index.json": ".bin"}


def find_commit(checkpoint: str | Path, revision: str | None = None) -> str | None:
    """Give the commit of a hub checkpoint's revision, None of a folder.

    A checkpoint that is neither is refused at once; transformers tries the network for 30 s. Not all versions of
    transformers tell the commit.

    Raises:
        CheckpointError: It has no config.json that can be had.
    """
    try:
        return None if Path(checkpoint).is_dir() else hub.find_commit(str(checkpoint), revision)
    except OSError as error:  # such as a name that is too long
        raise CheckpointError(f"{checkpoint} cannot be opened: {error.strerror}") from error
    except ArtifactError as error:
        raise CheckpointError(str(error)) from error


def read_card(checkpoint: str | Path, commit: str | None) -> str:
    """The checkpoint's README, also one of the hub; an empty string if there is none or it cannot be had."""
    try:
        path = cached_file(str(checkpoint), "README.md", revision=commit, _raise_exceptions_for_missing_entries=False)
    except Exception:  # those of the hub have no common base; the model is loaded, and its export needs no card
        path = None
    return "" if path is None else Path(path).read_text(encoding="utf-8", errors="replace")


def refuse_links(folder: Path) -> None:
    """Refuse a folder with a file that is a link elsewhere, such as a README.md, which the artifact's card quotes.

    Raises:
        CheckpointError: A link leads to a file that is neither in the folder nor in the hub's cache.
    """
    homes = [folder.resolve()]
    if folder.absolute().parent.name == "snapshots":  # links of the hub's cache lead to models--ORG--NAME/blobs
        homes.append((folder.absolute().parents[1] / "blobs").resolve())
    for path in sorted(folder.iterdir()):
        real = path.resolve()
        if path.is_symlink() and not real.is_dir() and not any(real.is_relative_to(home) for home in homes):
            raise CheckpointError(f"{path} is a link out of its folder, to {real}; put the file itself in its place")


def refuse_names(checkpoint: str | Path, revision: str | None = None) -> None:
    """Refuse a checkpoint whose files name files outside of it, or weights of another kind.

    Args:
        checkpoint: A folder or a hub id.
        revision: Branch, tag or commit of a hub checkpoint.

    Raises:
        CheckpointError: An index, ``config.json`` or ``tokenizer_config.json`` names such a file, the checkpoint is an
            adapter to another model, or a file cannot be read.
    """
    if _read(checkpoint, revision, "adapter_config.json") is not None:
        raise CheckpointError(
            f"{checkpoint} is an adapter to another model (adapter_config.json); merge it into that model, and take "
            f"the result"
        )
    for index, suffix in _INDEXES.items():
        for name in _weight_names(checkpoint, _read(checkpoint, revision, index), index):
            _refuse_name(checkpoint, index, name, suffix)
    weights = (_read(checkpoint, revision, "config.json") or {}).get("transformers_weights")
    if weights is not None:
        _refuse_name(checkpoint, "config.json", weights, ".safetensors")
    settings = _read(checkpoint, revision, "tokenizer_config.json") or {}
    for name in settings.get("fast_tokenizer_files") or []:
        _refuse_name(checkpoint, "tokenizer_config.json", name, ".json")
    for key, value in settings.items():
        _refuse_file_setting(checkpoint, key, value)


def _read(checkpoint: str | Path, revision: str | None, name: str) -> dict[str, Any] | None:
    """A JSON file of a checkpoint; None if it has none of this name."""
    try:
        path = cached_file(
            str(checkpoint),
            name,
            revision=revision,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
        )
        return None if path is None else parse_json(Path(path), Path(path).read_bytes())
    except (FillMaskError, OSError, ValueError) as error:
        raise CheckpointError(f"{name} of {checkpoint} cannot be read: {first_line(error)}") from error


def _weight_names(checkpoint: str | Path, index: dict[str, Any] | None, name: str) -> Iterator[object]:
    if index is None:
        return
    names = index.get("weight_map")
    if not isinstance(names, dict):
        raise CheckpointError(f"{name} of {checkpoint} has no weight_map from weights to files")
    yield from names.values()


def _refuse_name(checkpoint: str | Path, where: str, name: object, suffix: str) -> None:
    """Refuse what is not the plain name of a file of a kind."""
    if not isinstance(name, str) or not name.endswith(suffix) or any(character in name for character in "/\\\0"):
        raise CheckpointError(
            f"{where} of {checkpoint} names {name!r}, expected the name of a file *{suffix} beside it"
        )


def _refuse_file_setting(checkpoint: str | Path, key: str, value: object) -> None:
    """Refuse a setting such as ``vocab_file`` that transformers would read instead of the checkpoint's own file.

    Old checkpoints have paths of their author's machine here, which do not exist.
    """
    if not key.endswith("_file") or not isinstance(value, str) or "\0" in value or not Path(value).is_file():
        return
    if not Path(value).resolve().is_relative_to(Path(checkpoint).resolve()):
        raise CheckpointError(
            f"tokenizer_config.json of {checkpoint} has {key} {value!r}, a file outside of it; remove this setting"
        )
