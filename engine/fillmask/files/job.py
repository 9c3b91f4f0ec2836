"""``_job.json``: what a folder of parts was made from, so that no other job adds parts to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fillmask.artifact.folder import Artifact
from fillmask.artifact.manifest import MANIFEST
from fillmask.environment import versions
from fillmask.errors import InputError
from fillmask.files.parts import JOB, PartFolder, write_json
from fillmask.files.runner import Runner

_PACKAGES = ("fillmask", "numpy", "onnxruntime", "tokenizers")


def describe(
    runner: Runner, parameters: Mapping[str, Any], *, output_format: str, rows_per_part: int
) -> dict[str, Any]:
    """Describe a job by everything that its bytes depend on."""
    layout, model = runner.layout, runner.model
    return {
        "verb": layout.verb.verb.name,
        "parameters": {name: value for name, value in parameters.items() if value is not None},
        "model": {
            "sha256": _hash(model.artifact, model.variant),
            "variant": model.variant,
            "provider": model.session.providers[0],
        },
        "columns": {"text": layout.inputs.text, "id": layout.inputs.id, "keep": layout.keep, "flat": layout.flat},
        "format": output_format,
        "rows_per_part": rows_per_part,
        "batch_size": runner.concurrency.batch_size,
        "inputs": [_describe_file(path) for path in layout.inputs.paths],
        "input_format": layout.inputs.format,
        "versions": versions(_PACKAGES),
    }


def start(folder: PartFolder, description: Mapping[str, Any], *, force: bool) -> None:
    """Make a folder ready for a job, new or resumed.

    Args:
        folder: The folder.
        description: The job.
        force: Remove the parts of any job there, and start over.

    Raises:
        InputError: The folder holds another job, or parts that are none of a job.
        JobError: It cannot be written.
    """
    recorded = folder.path / JOB
    if force and recorded.exists():
        folder.clear()
    if not recorded.exists():
        _check_empty(folder.path)
        write_json(recorded, description)
    difference = next(_differences(_read(recorded), json.loads(json.dumps(description))), None)
    if difference is not None:
        raise InputError(f"{recorded} is another job: {difference}; choose another output, or start over with force")


def _check_empty(folder: Path) -> None:
    if folder.is_symlink() and not folder.exists():
        raise InputError(f"{folder} is a link to nothing; remove it, or choose another folder")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file")
    other = next(folder.glob("part-*"), None)
    if other is not None:
        raise InputError(f"{folder} holds {other.name} and no {JOB}; choose another folder")


def _read(path: Path) -> dict[str, Any]:
    try:
        recorded = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if not isinstance(recorded, dict):
        raise InputError(f"{path} is not a job")
    return recorded


def _differences(recorded: Any, wanted: Any, name: str = "") -> Iterator[str]:  # noqa: ANN401 -- any JSON
    """What differs, in the order of the description; the path of a file may differ between machines."""
    if isinstance(recorded, list) and isinstance(wanted, list) and len(recorded) == len(wanted):
        recorded, wanted = dict(enumerate(recorded)), dict(enumerate(wanted))
    if isinstance(recorded, dict) and isinstance(wanted, dict):
        for key in [*wanted, *(key for key in recorded if key not in wanted)]:
            if key != "folder":
                yield from _differences(recorded.get(key), wanted.get(key), f"{name}.{key}" if name else str(key))
    elif recorded != wanted:
        yield f"{name} is {json.dumps(wanted)}, and there {json.dumps(recorded)}"


def _describe_file(path: Path) -> dict[str, Any]:
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    return {"folder": str(path.absolute().parent), "name": path.name, "bytes": status.st_size, "mtime": status.st_mtime}


def _hash(artifact: Artifact, variant: str) -> str:
    """The hash of the manifest, which holds those of all files; of a foreign folder that of its files."""
    if artifact.manifest:
        return hashlib.sha256((artifact.folder / MANIFEST).read_bytes()).hexdigest()
    graph = artifact.folder / artifact.variants[variant]
    digest = hashlib.sha256()
    for path in [*sorted(graph.parent.glob(f"{graph.name}*")), *sorted(artifact.folder.glob("*.json"))]:
        digest.update(path.name.encode())
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()
