"""``_job.json``: what a folder of parts was made from, so that no other job adds parts to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from fillmask.artifact.content_hash import hash_foreign
from fillmask.artifact.folder import Artifact
from fillmask.artifact.manifest import MANIFEST
from fillmask.artifact.weights_file import hash_file
from fillmask.environment import versions
from fillmask.errors import InputError, JobError
from fillmask.files.inputs import Inputs
from fillmask.files.parts import JOB, PartFolder, write_json, write_new_json
from fillmask.files.records import Layout
from fillmask.files.runner import Runner
from fillmask.model import Model

START = "start"  # identifies the start of a job, so that one that was started over is another one
_ABSENT = object()  # what one of two jobs does not record, where None is a value of its own
_PACKAGES = ("fillmask", "numpy", "onnxruntime", "tokenizers")


def describe(runner: Runner, *, output_format: str, rows_per_part: int, hash_inputs: bool) -> dict[str, Any]:
    """Describe a job by everything that its bytes depend on.

    Raises:
        InputError: An input cannot be read.
    """
    layout = runner.layout
    return {
        "verb": layout.verb.verb.name,
        "parameters": layout.verb.without_defaults(runner.parameters.given),
        "model": _describe_model(runner.model),
        "columns": {"text": layout.inputs.text, "id": layout.inputs.id, "keep": layout.keep, "flat": layout.flat},
        "format": output_format,
        "rows_per_part": rows_per_part,
        "batch_size": runner.concurrency.batch_size,
        "inputs": _name_inputs(layout, describe_inputs(layout.inputs, hashed=hash_inputs)),
        "input_format": layout.inputs.format,
        "versions": versions(_PACKAGES),
    }


def describe_inputs(inputs: Inputs, *, hashed: bool = False) -> list[dict[str, Any]]:
    """Describe the inputs, so that it can be told whether they changed.

    Raises:
        InputError: One cannot be read.
    """
    if inputs.stdin is not None:
        return [_describe_stdin(path) for path in inputs.paths]
    return [_describe_file(path, hashed=hashed) for path in inputs.paths]


def check_inputs(inputs: Inputs, before: Sequence[Mapping[str, Any]]) -> None:
    """Stop a job whose inputs changed while it ran, since its parts may hold rows of both states.

    Args:
        inputs: The inputs; standard input cannot change.
        before: As they were described when the job began, without hashes.

    Raises:
        JobError: One changed, or is not there.
    """
    if inputs.stdin is not None:
        return
    try:
        difference = find_difference({"inputs": before}, {"inputs": describe_inputs(inputs)})
    except InputError as error:
        raise JobError(f"the inputs changed while the job ran: {error}") from error
    if difference is not None:
        raise JobError(f"the inputs changed while the job ran: {difference} at its start; start over with force")


def start(folder: PartFolder, description: Mapping[str, Any], *, force: bool) -> PartFolder:
    """Make a folder ready for a job, new or resumed.

    Args:
        folder: The folder.
        description: The job.
        force: Remove the parts of any job there, and start over.

    Returns:
        The folder, which takes no part of this process once another one has started it over.

    Raises:
        InputError: The folder holds another job, or parts that are none of a job.
        JobError: It cannot be written.
    """
    recorded = folder.path / JOB
    _check_stdin(recorded, description, force=force)
    if force and recorded.exists():
        _clear(folder)
    if not recorded.exists():
        _check_empty(folder.path)
        write_new_json(recorded, {**description, START: uuid4().hex})
    began, document = _read(recorded)
    difference = find_difference(document, description)
    if difference is not None:
        raise InputError(f"{recorded} is another job: {difference}; choose another output, or start over with force")
    return replace(folder, began=began)


def find_difference(recorded: Mapping[str, Any], description: Mapping[str, Any]) -> str | None:
    """The first difference between two jobs, None if they are one, whenever they started."""
    known = {name: value for name, value in recorded.items() if name != START}
    return next(_differences(known, json.loads(json.dumps(description))), None)


def _describe_model(model: Model) -> dict[str, Any]:
    """What the results depend on; only a ``FillMask`` that was passed may read no placeholders."""
    return {
        "sha256": _hash(model.artifact, model.variant),
        "variant": model.variant,
        "provider": model.session.providers[0],
        **({} if model.encoder.placeholders_of("") else {"placeholders": False}),
    }


def _check_stdin(recorded: Path, description: Mapping[str, Any], *, force: bool) -> None:
    if recorded.exists() and not force and "id" in description["inputs"][0]:
        raise InputError(f"{recorded} exists, and a job that reads standard input cannot be resumed; choose another "
                         f"output, or start over with force")  # fmt: skip


def _check_empty(folder: Path) -> None:
    if folder.is_symlink() and not folder.exists():
        raise InputError(f"{folder} is a link to nothing; remove it, or choose another folder")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file")
    other = next(folder.glob("part-*"), None)
    if other is not None:
        raise InputError(f"{folder} holds {other.name} and no {JOB}; choose another folder")


def _clear(folder: PartFolder) -> None:
    """Remove the parts of a job. Processes that run it stop before their next part, so that none comes meanwhile."""
    with suppress(JobError):  # a disk may be full until the parts are removed
        write_json(folder.path / JOB, {START: uuid4().hex})
    folder.clear()


def _read(path: Path) -> tuple[bytes, dict[str, Any]]:
    try:
        content = path.read_bytes()
        recorded = json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if not isinstance(recorded, dict):
        raise InputError(f"{path} is not a job")
    return content, recorded


def _differences(recorded: Any, wanted: Any, name: str = "") -> Iterator[str]:  # noqa: ANN401 -- any JSON
    """What differs, in the order of the description."""
    if isinstance(recorded, list) and isinstance(wanted, list) and len(recorded) == len(wanted):
        recorded, wanted = dict(enumerate(recorded)), dict(enumerate(wanted))
    if isinstance(recorded, dict) and isinstance(wanted, dict):
        ignored = _ignored(recorded, wanted)
        for key in [*wanted, *(key for key in recorded if key not in wanted)]:
            if key not in ignored:
                both = recorded.get(key, _ABSENT), wanted.get(key, _ABSENT)
                yield from _differences(*both, f"{name}.{key}" if name else str(key))
    elif recorded != wanted:
        there, here = ("nothing" if each is _ABSENT else json.dumps(each) for each in (recorded, wanted))
        yield f"{name} is {here}, and there {there}"


def _ignored(recorded: Mapping[str, Any], wanted: Mapping[str, Any]) -> set[str]:
    """What may differ of a file: its path on another machine; its time of change where the hashes can be compared."""
    if "mtime" not in wanted:
        return set()
    return {"folder", "mtime" if "sha256" in recorded and "sha256" in wanted else "sha256"}


def _name_inputs(layout: Layout, described: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add what records call the inputs, which depends on the folders that hold them."""
    if not layout.names_files:
        return described
    return [each | {"file": name} for each, name in zip(described, layout.inputs.names, strict=True)]


def _describe_file(path: Path, *, hashed: bool) -> dict[str, Any]:
    try:
        status = path.stat()
        digest = {"sha256": _hash_file(path)} if hashed else {}
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    return {
        "folder": str(path.absolute().parent),
        "name": path.name,
        "bytes": status.st_size,
        "mtime": status.st_mtime,
        **digest,
    }


def _describe_stdin(path: Path) -> dict[str, Any]:
    """Each run reads another standard input."""
    return {"name": str(path), "id": uuid4().hex}


def _hash(artifact: Artifact, variant: str) -> str:
    """The hash of the manifest, which holds those of all files; of a foreign folder that of its files."""
    if artifact.manifest:
        return _hash_file(artifact.folder / MANIFEST)
    return hash_foreign(artifact, variant)


def _hash_file(path: Path) -> str:
    with path.open("rb", buffering=0) as file:
        return hash_file(file)[0]
