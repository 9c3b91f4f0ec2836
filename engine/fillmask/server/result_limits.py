"""Limits of masks and of results: masks as the model finds them, at first in the text and then among its tokens."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from fillmask.errors import InputError
from fillmask.model import Model
from fillmask.server.http_errors import HttpError, encode_json
from fillmask.server.request import TaskRequest
from fillmask.server.settings import Settings
from fillmask.slots import count_masks
from fillmask.tasks import Read

_SHORT_CHARACTERS = 1000
_PIECE_CHARACTERS = 100


def check_masks(request: TaskRequest, model: Model, settings: Settings) -> list[int]:
    """Count the masks of each text, before it is tokenized.

    Raises:
        HttpError: 422, a text has more than allowed, or a request without a line for each text.
    """
    counts = [count_masks(model, text) for text in request.texts]
    for index, count in enumerate(counts):
        if count > settings.max_masks:
            where = "inputs" if request.single else f"inputs[{index}]"
            raise HttpError(422, f"{where}: a text has at most {settings.max_masks} masks, got {count}")
    if (total := sum(counts)) > settings.max_request_masks and not request.stream:
        raise HttpError(422, f"inputs: a request has at most {settings.max_request_masks} masks, got {total}")
    return counts


def check_expansion(text: str, most: int) -> None:
    """Check how long a text is after compatibility normalization: one character can become 18 (U+FDFA).

    Raises:
        InputError: It has more characters than ``most``.
    """
    if len(text) <= _SHORT_CHARACTERS or text.isascii():
        return
    expanded = 0
    for start in range(0, len(text), _PIECE_CHARACTERS):  # a call for all would hold the GIL too long
        expanded += len(unicodedata.normalize("NFKC", text[start : start + _PIECE_CHARACTERS]))
        if expanded > most:
            raise InputError(f"a text has at most {most} characters after normalization (NFKC), got more")


class ResultLimits:
    """The limits of one request; the threads that run its texts share it, and check before and after each text.

    Args:
        settings: The limits.
        top_k: Predictions for a mask.
        stream: Whether each text gets its own line, which is then limited instead of the response.
    """

    def __init__(self, settings: Settings, top_k: int, *, stream: bool) -> None:
        self._settings = settings
        self._top_k = top_k
        self._stream = stream
        self._masks = self._expected = self._bytes = 0
        self._lock = threading.Lock()

    def check(self, text: str, reads: Sequence[Read]) -> None:
        """Check a text before it runs.

        Raises:
            InputError: It has too many masks, or its predictions would be too large.
        """
        masks = sum(read.positions.size for read in reads)
        if masks > self._settings.max_masks:
            raise InputError(f"a text has at most {self._settings.max_masks} masks, got {masks}")
        size = masks * self._top_k * len(text)
        with self._lock:
            self._masks += masks
            self._expected += size
            if (size if self._stream else self._expected) > self._settings.max_response_bytes:
                raise self._too_large()
            if self._masks > self._settings.max_request_masks and not self._stream:
                raise InputError(f"a request has at most {self._settings.max_request_masks} masks, got {self._masks}")

    def encode(self, parts: Iterable[Any]) -> list[bytes]:
        """Encode the parts of a text's result in JSON, one at a time: an encoder never releases the GIL.

        Raises:
            InputError: They are too large.
        """
        encoded, size = [], 0
        for part in parts:
            content = encode_json(part)
            encoded.append(content)
            size += len(content)
            with self._lock:
                self._bytes += len(content)
                total = size if self._stream else self._bytes
            if total > self._settings.max_response_bytes:
                raise self._too_large()
        return encoded

    def _too_large(self) -> InputError:
        most = self._settings.max_response_bytes
        return InputError(f"the results are larger than {most} bytes; send fewer texts, fewer masks, or lower top_k")
