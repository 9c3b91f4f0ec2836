"""A hub id to a local snapshot, through huggingface_hub and its cache, with ``HF_HUB_OFFLINE`` and ``HF_TOKEN``."""

from __future__ import annotations

from glob import escape
from pathlib import Path

from fillmask.artifact.external_data import external_files
from fillmask.artifact.manifest import MANIFEST, has_manifest, read_manifest, usual_variant
from fillmask.artifact.naming import near_folder
from fillmask.errors import ArtifactError

# The part behind "model" in a variant's file name; "auto" takes the quantized graph if there is no other.
_SUFFIXES = {"auto": ("", "_quantized"), "fp32": ("",), "q8": ("_quantized",)}


def fetch(model_id: str, variant: str, revision: str | None, *, gpu: bool = False) -> Path:
    """Download what one variant of a hub model needs, or find it in the cache.

    With a GPU ``"auto"`` stands for two variants: the GPU's, and the CPU's in case the GPU does not start.

    Returns:
        The snapshot's folder, named by its 40-hex commit.

    Raises:
        ArtifactError: The model, its revision or the network is missing.
    """
    folder = snapshot(model_id, revision, ["*.json"])
    if has_manifest(folder):
        manifest = read_manifest(folder / MANIFEST)
        names = manifest["variants"]
        usual = {usual_variant(manifest, names, gpu=on_gpu) for on_gpu in {False, gpu}}
        chosen = usual if variant == "auto" else {variant}
        entries = [entry for name, entry in names.items() if name in chosen]
        files = [entry[key] for entry in entries for key in ("file", "weights") if key in entry]
        return snapshot(model_id, folder.name, files)
    for suffix in _SUFFIXES.get(variant, (f"_{variant}",)):
        graphs = [f"{subfolder}model{suffix}.onnx" for subfolder in ("", "onnx/")]
        folder = snapshot(model_id, folder.name, graphs)
        if present := [graph for graph in graphs if (folder / graph).exists()]:
            return _with_weights(model_id, folder, present)
    return folder


def _with_weights(model_id: str, folder: Path, graphs: list[str]) -> Path:
    """Download the files that the graphs name."""
    paths = [(folder / graph).parent / name for graph in graphs for name in external_files(folder / graph)]
    names = [escape(path.relative_to(folder).as_posix()) for path in paths]
    return snapshot(model_id, folder.name, names) if names else folder


def find_commit(model_id: str, revision: str | None) -> str:
    """Give the commit of a checkpoint's revision, before its packages are imported or transformers tries for 30 s.

    Returns:
        40 hex digits.

    Raises:
        ArtifactError: It has no config.json that can be had.
    """
    # `fillmask pull` fetches ONNX graphs only.
    return snapshot(model_id, revision, ["config.json"], fetched_by="hf download").name


def snapshot(model_id: str, revision: str | None, patterns: list[str], fetched_by: str = "fillmask pull") -> Path:
    """Download files of a hub model, or find them in the cache.

    Args:
        model_id: What names it on the hub.
        revision: Branch, tag or commit.
        patterns: Names of files, with wildcards.
        fetched_by: The command that fetches all files of such a model, for the message.

    Returns:
        The snapshot's folder.

    Raises:
        ArtifactError: The model, its revision or the network is missing.
    """
    from huggingface_hub import snapshot_download

    from fillmask.artifact.hub_progress import TerminalBar

    try:
        return Path(snapshot_download(model_id, revision=revision, allow_patterns=patterns, tqdm_class=TerminalBar))
    except Exception as error:  # those of requests, httpx and the files have no common base
        from fillmask.artifact.hub_errors import explain

        at, option = (f" at revision {revision}", f" --revision {revision}") if revision else ("", "")
        reason = explain(error, model_id, f"{fetched_by} {model_id}{option}")
        raise ArtifactError(
            f"{model_id!r} is not a folder{near_folder(model_id)}, and the hub model{at} cannot be had: {reason}"
        ) from error
