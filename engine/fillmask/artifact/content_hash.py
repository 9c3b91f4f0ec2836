"""What identifies a model without a manifest: the hash of the files that its predictions depend on."""

from __future__ import annotations

import hashlib

from fillmask.artifact.external_data import external_files
from fillmask.artifact.folder import Artifact
from fillmask.artifact.weights_file import hash_file
from fillmask.errors import IntegrityError

# docs/model-folders.md says what is read of them. Other files may lie beside them, such as a prior.
_SETTINGS = ("added_tokens.json", "config.json", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json")


def hash_foreign(artifact: Artifact, variant: str) -> str:
    """Give the SHA-256 of the names and contents of a variant's files: its graph, its weights and the settings.

    Raises:
        IntegrityError: A file cannot be read.
        ArtifactError: The graph cannot be parsed.
    """
    graph, digest = artifact.folder / artifact.variants[variant], hashlib.sha256()
    try:
        weights = [graph.parent / name for name in external_files(graph)]
        settings = [path for name in _SETTINGS if (path := artifact.folder / name).exists()]
        for path in (graph, *weights, *settings):
            with path.open("rb", buffering=0) as file:
                name = path.relative_to(artifact.folder).as_posix()
                digest.update(f"{name}\0{hash_file(file)[0]}\0".encode())
    except OSError as error:
        raise IntegrityError(f"{error.filename} cannot be read: {error.strerror}") from error
    return digest.hexdigest()
