"""The header that carries warnings to the client."""

from __future__ import annotations

import json
from collections.abc import Iterable

HEADER = "x-warnings"
_MAX_CHARACTERS = 4096


def warning_header(messages: Iterable[str]) -> dict[str, str]:
    """Make the header: a JSON list in ASCII, each message once; no header without messages."""
    unique = list(dict.fromkeys(messages))
    if not unique:
        return {}
    kept: list[str] = []
    length = 0
    for message in unique:
        length += len(json.dumps(message)) + 2
        if length > _MAX_CHARACTERS:
            kept.append(f"and {len(unique) - len(kept)} more")
            break
        kept.append(message)
    return {HEADER: json.dumps(kept)}
