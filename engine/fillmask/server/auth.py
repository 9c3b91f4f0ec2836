"""API keys: where they come from, and the check of the ``authorization`` header.

With keys configured, every path but the health paths needs one. A browser cannot send a bearer token when it opens a
page. So it may send the key as the password of HTTP Basic.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from pathlib import Path

from fillmask.errors import InputError
from fillmask.server.http_errors import HttpError
from fillmask.server.settings import Settings

OPEN_PATHS = frozenset({"/health", "/health/live", "/health/ready"})
_SHORTEST_KEY = 8


class Keys:
    """The API keys of the server.

    Args:
        keys: The keys; with none every request passes.

    Raises:
        InputError: A key is too short, or has characters that a header cannot carry.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        checked = [_check(key) for key in keys]
        # Digests have equal length, so the time of a comparison does not reveal the length of a key.
        self._digests = [hashlib.sha256(key.encode()).digest() for key in checked]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def check(self, path: str, headers: list[bytes], *, page: bool) -> HttpError | None:
        """Check the key of a request.

        Args:
            path: Path of the request.
            headers: Values of its ``authorization`` headers.
            page: Whether a browser requests a page. The response then makes the browser prompt for the key.

        Returns:
            The 401 error, or None if the request may proceed.
        """
        if not self._digests or path in OPEN_PATHS:
            return None
        if len(headers) == 1 and self._matches(_key_in(headers[0])):
            return None
        challenge = 'Basic realm="fillmask: any name, the key as password"' if page else "Bearer"
        got = "no key" if not headers else "more than one key" if len(headers) > 1 else "an unknown key"
        message = f"got {got}; send one of the server's keys as `Authorization: Bearer KEY`"
        return HttpError(401, message, {"www-authenticate": challenge})

    def _matches(self, key: bytes) -> bool:
        digest = hashlib.sha256(key).digest()
        # Every digest is compared, so the time does not reveal which one matched.
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return True in matches


def open_keys(settings: Settings) -> Keys:
    """Read the keys from the settings and the key file.

    Raises:
        InputError: A key or the key file is invalid, or the server would listen on the network without a key.
    """
    keys = Keys([*settings.api_key, *_from_file(settings.api_key_file)])
    if not keys and not settings.loopback and not settings.no_auth:
        raise InputError(
            f"host {settings.host} is open to the network and there is no key; set --api-key or --api-key-file, "
            f"or allow it with --no-auth"
        )
    return keys


def _from_file(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the key file {path}: {error}") from error
    keys = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not keys:
        raise InputError(f"the key file {path} has no key")
    return keys


def _check(key: str) -> str:
    if len(key) < _SHORTEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise InputError(
            f"a key must be at least {_SHORTEST_KEY} printable ASCII characters without spaces, got {len(key)}"
        )
    return key


def _key_in(header: bytes) -> bytes:
    """Return the key in an ``authorization`` header; empty if there is none."""
    scheme, _, credentials = header.partition(b" ")
    if scheme.lower() == b"bearer":
        return credentials.strip()
    if scheme.lower() == b"basic":
        try:
            return base64.b64decode(credentials.strip(), validate=True).partition(b":")[2]
        except binascii.Error:
            return b""
    return b""
