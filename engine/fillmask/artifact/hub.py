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
    folder = snapshot(model_id, revision, ["*.json"], variant)
    if has_manifest(folder):
        return _with_listed(model_id, folder, variant, gpu=gpu)
    for suffix in _SUFFIXES.get(variant, (f"_{variant}",)):
        graphs = [f"{subfolder}model{suffix}.onnx" for subfolder in ("", "onnx/")]
        folder = snapshot(model_id, folder.name, graphs, variant)
        if present := [graph for graph in graphs if (folder / graph).exists()]:
            return _with_weights(model_id, folder, present, variant)
    return folder


def _with_listed(model_id: str, folder: Path, variant: str, *, gpu: bool) -> Path:
    """Download the files of a variant as the manifest lists them."""
    manifest = read_manifest(folder / MANIFEST)
    entries = manifest["variants"]
    usual = {usual_variant(manifest, entries, gpu=on_gpu) for on_gpu in {False, gpu}}
    chosen = usual if variant == "auto" else {variant}
    settings = [name for name in manifest["files"] if name.endswith(".json")]
    for name in (name for name in entries if name in chosen):
        files = [entries[name][key] for key in ("file", "weights") if key in entries[name]]
        snapshot(model_id, folder.name, files, name)
        _check_complete(model_id, folder, [*settings, *files], name)
    return folder


def _with_weights(model_id: str, folder: Path, graphs: list[str], variant: str) -> Path:
    """Download the files that the graphs name."""
    paths = [(folder / graph).parent / name for graph in graphs for name in external_files(folder / graph)]
    names = [path.relative_to(folder).as_posix() for path in paths]
    if names:
        snapshot(model_id, folder.name, [escape(name) for name in names], variant)
        _check_complete(model_id, folder, names, variant)
    return folder


def _check_complete(model_id: str, folder: Path, names: list[str], variant: str) -> None:
    """Refuse a snapshot without these files: where there is no network, huggingface_hub may give what the cache has."""
    missing = next((name for name in names if not (folder / name).exists()), None)
    if missing is not None:
        from fillmask.artifact.hub_errors import explain_missing

        command = _command("fillmask pull", model_id, folder.name, variant)
        raise _refusal(model_id, folder.name, explain_missing(missing, command))


def find_commit(model_id: str, revision: str | None) -> str:
    """Give the commit of a checkpoint's revision, before its packages are imported or transformers tries for 30 s.

    Returns:
        40 hex digits.

    Raises:
        ArtifactError: It has no config.json that can be had.
    """
    # `fillmask pull` fetches ONNX graphs only.
    return snapshot(model_id, revision, ["config.json"], fetched_by="hf download").name


def snapshot(
    model_id: str, revision: str | None, patterns: list[str], variant: str = "auto", fetched_by: str = "fillmask pull"
) -> Path:
    """Download files of a hub model, or find them in the cache.

    Args:
        model_id: What names it on the hub.
        revision: Branch, tag or commit.
        patterns: Names of files, with wildcards.
        variant: What the files belong to, for the message.
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

        command = _command(fetched_by, model_id, revision, variant)
        raise _refusal(model_id, revision, explain(error, model_id, command)) from error


def _command(fetched_by: str, model_id: str, revision: str | None, variant: str) -> str:
    """What fetches these files: without its variant the command would fetch another one."""
    options = {"revision": revision, "variant": None if variant == "auto" else variant}
    return " ".join([fetched_by, model_id, *(f"--{name} {value}" for name, value in options.items() if value)])


def _refusal(model_id: str, revision: str | None, reason: str) -> ArtifactError:
    at = f" at revision {revision}" if revision else ""
    return ArtifactError(
        f"{model_id!r} is not a folder{near_folder(model_id)}, and the hub model{at} cannot be had: {reason}"
    )
