"""What people write where they mean a mask."""

from __future__ import annotations

import re

_LIKE_A_MASK = re.compile(r"[\[<{]\s*mask\s*[\]>}]|_{2,}", re.IGNORECASE)


def like_a_mask(text: str) -> str | None:
    """The first part of a text that is a mask, or resembles one, such as ``[mask]``, ``<MASK>`` or ``___``."""
    found = _LIKE_A_MASK.search(text)
    return None if found is None else found[0]


def is_text(argument: str) -> bool:
    """Whether an argument in the place of a command's name is a text: it has white space, or a mask."""
    return len(argument.split()) > 1 or like_a_mask(argument) is not None
