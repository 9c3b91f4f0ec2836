"""A model folder to the hub, through huggingface_hub, with ``HF_TOKEN`` or the token of its login."""

from __future__ import annotations

from pathlib import Path

from fillmask.artifact.folder import open_artifact
from fillmask.artifact.manifest import MANIFEST, has_manifest
from fillmask.artifact.naming import is_folder
from fillmask.errors import ArtifactError


def push_to_hub(
    folder: str | Path, repo_id: str, *, private: bool = False, revision: str | None = None, message: str | None = None
) -> str:
    """Upload a folder that ``fillmask export`` wrote, with its card, in one commit.

    Every file is hashed before, and files that the manifest does not list stay here, but for the card README.md.

    Args:
        folder: The artifact.
        repo_id: The model on the hub, as ``"org/name"``; it is created if there is none.
        private: Whether a new one is private.
        revision: An existing branch; None for ``main``.
        message: The commit's message.

    Returns:
        The commit's address.

    Raises:
        IntegrityError: A file is missing, or differs from the one that the manifest lists.
        ArtifactError: The folder is none that fillmask wrote, or the hub does not take it.
    """
    if not is_folder(folder) or not has_manifest(Path(folder)):
        raise ArtifactError(f"{folder} holds no {MANIFEST}; make a model folder with `fillmask export`")
    artifact = open_artifact(folder)
    artifact.check_all()
    from huggingface_hub import HfApi

    try:
        api = HfApi()
        api.create_repo(repo_id, private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repo_id,
            folder_path=artifact.folder,
            revision=revision,
            commit_message=message or f"Add {', '.join(artifact.variants)}",
            allow_patterns=[MANIFEST, "README.md", *artifact.manifest["files"]],
        )
    except Exception as error:  # those of requests, httpx and the files have no common base
        from fillmask.artifact.hub_errors import explain_push

        raise ArtifactError(f"the hub does not take {folder} as {repo_id!r}: {explain_push(error, repo_id)}") from error
    return str(commit.commit_url)
