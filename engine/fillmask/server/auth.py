"""Who may ask: keys, and the header that shows one.

Everything but the health routes needs a key where there are keys. Browsers, which cannot send a bearer token when they
open a page, may send the key as the password of HTTP Basic.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from pathlib import Path

from fillmask.errors import InputError
from fillmask.server.http_errors import Refusal
from fillmask.server.settings import Settings

OPEN_PATHS = frozenset({"/health", "/health/live", "/health/ready"})
_SHORTEST_KEY = 8


class Keys:
    """The keys that open the server.

    Args:
        keys: The keys; none opens it to everybody.

    Raises:
        InputError: A key is too short to be one, or holds what a header cannot.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        checked = [_check(key) for key in keys]
        # Digests have one length, so that comparing them tells nothing about the length of a key either.
        self._digests = [hashlib.sha256(key.encode()).digest() for key in checked]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def check(self, path: str, headers: list[bytes], *, page: bool) -> Refusal | None:
        """Decide on a request.

        Args:
            path: Its path.
            headers: The values of its ``authorization`` headers.
            page: Whether it asks for a page, so that a browser should ask its user for the key.

        Returns:
            Why it may not be answered, or None.
        """
        if not self._digests or path in OPEN_PATHS:
            return None
        if len(headers) == 1 and self._known(_shown(headers[0])):
            return None
        challenge = 'Basic realm="fillmask: any name, the key as password"' if page else "Bearer"
        got = "no key" if not headers else "more than one key" if len(headers) > 1 else "a key that is not known here"
        message = f"{got}; send one of the server's keys as `Authorization: Bearer KEY`"
        return Refusal(401, message, {"www-authenticate": challenge})

    def _known(self, key: bytes) -> bool:
        digest = hashlib.sha256(key).digest()
        # All of them, always: the time taken does not tell which one matched.
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return True in matches


def open_keys(settings: Settings) -> Keys:
    """Read the keys that the settings name.

    Raises:
        InputError: A key or the file of keys is not usable, or the server would stand open to the network.
    """
    keys = Keys([*settings.api_key, *_from_file(settings.api_key_file)])
    if not keys and not settings.loopback and not settings.no_auth:
        raise InputError(
            f"listening on {settings.host} without a key lets the network in; give --api-key or --api-key-file, "
            f"or say --no-auth"
        )
    return keys


def _from_file(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the file of keys {path} cannot be read: {error}") from error
    keys = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not keys:
        raise InputError(f"the file of keys {path} holds no key")
    return keys


def _check(key: str) -> str:
    if len(key) < _SHORTEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise InputError(
            f"a key must be at least {_SHORTEST_KEY} printable ASCII characters without blanks, got one of {len(key)}"
        )
    return key


def _shown(header: bytes) -> bytes:
    """The key in an ``authorization`` header; empty where there is none."""
    scheme, _, shown = header.partition(b" ")
    if scheme.lower() == b"bearer":
        return shown.strip()
    if scheme.lower() == b"basic":
        try:
            return base64.b64decode(shown.strip(), validate=True).partition(b":")[2]
        except binascii.Error:
            return b""
    return b""
