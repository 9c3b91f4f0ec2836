"""Why the hub does not give or take a model, and what to do: a part of a message, from an error of huggingface_hub.

Its versions raise errors of requests, of httpx and of their own, and wrap them in one that speaks of the network.
"""

from __future__ import annotations

from typing import Any

from fillmask.errors import first_line

_OF_NETWORK = (ConnectionError, TimeoutError)
_BUSY = 429
_SERVER = 500
_UNKNOWN = 401  # who asks
_NO_RIGHT = (403, 404)  # 404 of a model that others must not know of
# HTTP statuses without a name of their own in huggingface_hub.
_STATUSES = {
    _UNKNOWN: "the hub rejects the token (401); HF_TOKEN must be a valid one, or else `hf auth login` again",
    403: "the hub forbids it (403); HF_TOKEN must be a token that may read this model",
    _BUSY: "the hub takes no more requests now (429); try again later, or set HF_TOKEN, which is allowed more",
}


def explain(error: BaseException, model_id: str, command: str) -> str:
    """Give the reason of an error of ``snapshot_download``, without the line ends and addresses of its own text.

    Args:
        error: What was raised.
        model_id: What names the model on the hub.
        command: The command that fetches the model where there is a network.
    """
    from huggingface_hub import constants, errors

    cause = _cause(error)
    if isinstance(cause, errors.RevisionNotFoundError):
        return f"the model has no such revision; its branches and tags are at {constants.ENDPOINT}/{model_id}"
    if isinstance(cause, errors.DisabledRepoError):
        return "the hub has disabled this model"
    if isinstance(cause, errors.RepositoryNotFoundError):  # also GatedRepoError, which is derived from it
        return _not_shown(cause, model_id)
    status = _status(cause)
    return _without_status(cause, command) if status is None else _of_status(status)


def explain_missing(name: str, command: str) -> str:
    """Give the reason where huggingface_hub gives a folder without a file that it was asked for.

    Where there is no network it may give what the cache has; versions before 2 always do.

    Args:
        name: The file.
        command: The command that fetches it where there is a network.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return _offline(name, command)
    return (
        f"the cache {constants.HF_HUB_CACHE} does not hold {name}, and {constants.ENDPOINT} did not give it; run "
        f"`{command}` where there is a network, and if that does not help, the model itself lacks the file"
    )


def explain_push(error: BaseException, model_id: str) -> str:
    """Give the reason of an error of an upload, in one line.

    Args:
        error: What was raised.
        model_id: What names the model on the hub.
    """
    from huggingface_hub import constants, errors

    if isinstance(error, errors.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set; unset HF_HUB_OFFLINE for this command"
    if isinstance(error, errors.RevisionNotFoundError):
        return "the model has no such branch; make it first, at its page"
    if (status := _status(error)) is not None:
        said = " ".join((getattr(error, "server_message", None) or "").split())  # such as whose namespace it is
        return _of_push(status, model_id) + (f" ({said})" if said else "")
    if _is_of_disk(error) or isinstance(error, (ValueError, RuntimeError)):
        return first_line(error)
    return f"{constants.ENDPOINT} cannot be reached ({_innermost(error)}); push where there is a network"


def _of_push(status: int, model_id: str) -> str:
    from huggingface_hub import get_token

    needed = f"HF_TOKEN must be a token that may write to {model_id}"
    if status in (_UNKNOWN, *_NO_RIGHT) and get_token() is None:
        return f"there is no token ({status}); {needed}, or else `hf auth login`"
    if status in _NO_RIGHT:
        return f"this token may not write there ({status}); {needed}"
    return _of_status(status)


def _offline(what: str, command: str) -> str:
    from huggingface_hub import constants

    return (
        f"HF_HUB_OFFLINE is set, and the cache {constants.HF_HUB_CACHE} does not hold {what}; unset HF_HUB_OFFLINE for "
        f"one `{command}`"
    )


def _without_status(cause: BaseException, command: str) -> str:
    from huggingface_hub import constants, errors

    cache = f"the cache {constants.HF_HUB_CACHE}"
    if isinstance(cause, (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError)):
        return _offline("it", command)
    if _is_of_disk(cause):
        return f"{cache} cannot be written: {first_line(cause)}; HF_HOME names another folder"
    if isinstance(cause, ValueError):
        return first_line(cause)
    return (
        f"{constants.ENDPOINT} cannot be reached ({_innermost(cause)}), and {cache} does not hold it; run `{command}` "
        f"where there is a network, copy the folder it prints, and name that"
    )


def _status(error: BaseException) -> int | None:
    status: int | None = getattr(getattr(error, "response", None), "status_code", None)
    return status


def _is_of_disk(error: BaseException) -> bool:
    """Whether an error of the system is one of files, rather than of the network."""
    return isinstance(error, OSError) and error.errno is not None and not isinstance(error, _OF_NETWORK)


def _cause(error: BaseException) -> BaseException:
    """What a LocalEntryNotFoundError hides, which stands for every error while a cache is empty."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    return error.__cause__ or error if isinstance(error, LocalEntryNotFoundError) else error


def _not_shown(error: BaseException, model_id: str) -> str:
    from huggingface_hub import constants, get_token
    from huggingface_hub.errors import GatedRepoError

    known, page = get_token() is not None, f"{constants.ENDPOINT}/{model_id}"
    if not isinstance(error, GatedRepoError):
        return f"the hub has no such model{' that this token may read' if known else '; a private one needs HF_TOKEN'}"
    if known:
        return f"the model is gated, and the account of this token has no access; ask for it at {page}"
    return f"the model is gated; ask for access at {page}, and set HF_TOKEN to a token of that account"


def _of_status(status: int) -> str:
    if status >= _SERVER:
        return f"the hub fails ({status}); try again later"
    return _STATUSES.get(status, f"the hub replies with the HTTP status {status}")


def _innermost(error: Any) -> str:  # noqa: ANN401 -- the errors of several packages
    """The first error of a chain, such as of a name that does not resolve or of a certificate."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return getattr(error, "strerror", None) or first_line(error)
