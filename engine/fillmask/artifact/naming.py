"""What names a model: a folder, the id of a hub model, alone or as ``ID@REVISION``, or an embedded model's name."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from fillmask.errors import ArtifactError

EMBEDDED_MODELS = Path(__file__).parents[1] / "models"

_ID = re.compile(r"[\w-][\w.-]*(/[\w.-]+)?")


def is_folder(model: str | Path) -> bool:
    """Whether a name is that of a folder.

    Raises:
        ArtifactError: The name is too long, or this user may not read where it leads.
    """
    try:
        return Path(model).is_dir()
    except OSError as error:
        raise ArtifactError(f"{str(model)[:200]} cannot be opened: {error.strerror}") from error


def hub_id(model: str | Path, revision: str | None) -> tuple[str, str | None]:
    """Give the id of a hub model and its revision, before a request to the hub.

    Args:
        model: What names it: ``ID`` or ``ID@REVISION``.
        revision: Branch, tag or commit of an ``ID``.

    Raises:
        ArtifactError: It is a file, or cannot be the id of a hub model, or has two revisions.
    """
    if Path(model).exists():
        raise ArtifactError(f"{model} is a file; name its folder, {Path(model).absolute().parent}")
    name, at, named = str(model).partition("@")
    if isinstance(model, Path) or not _ID.fullmatch(name) or (at and not named):
        raise ArtifactError(f"{model} is not a folder{near_folder(model)}, and not the id of a hub model, such as "
                            f"org/name or org/name@main")  # fmt: skip
    if at and revision is not None:
        raise ArtifactError(f"{model} names the revision {named!r}, and revision={revision!r} another; give one")
    return name, named if at else revision


def near_folder(model: str | Path) -> str:
    """A part of a message: the folder, or the embedded model, that a name resembles; nothing if there is none.

    Example: ``near_folder("modles/bert")`` is ``" (did you mean 'models/bert'?)"`` beside a folder ``models/bert``.
    """
    from difflib import get_close_matches  # 9 ms, which only an error need pay

    found, path = Path(), Path(model)
    with suppress(OSError):
        for part in path.parts:
            names = [part]
            if not (found / part).is_dir():
                names = [each.name for each in found.iterdir() if each.is_dir()]
                names += [each.name for each in EMBEDDED_MODELS.iterdir() if len(path.parts) == 1]
                names = get_close_matches(part, names, n=1)
            if not names:
                return ""
            found /= names[0]
        return f" (did you mean {str(found)!r}?)"
    return ""
