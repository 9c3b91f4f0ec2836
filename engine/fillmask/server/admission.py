"""Permits: a request gets one before any work is done for it, or is refused at once.

Requests are counted and weighed. The weight is an estimate from the text's length, since counting tokens is work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fillmask.server.http_errors import Refusal
from fillmask.server.settings import Settings

# English has 4 to 5 bytes a token. Where the estimate is too low, as for a text of punctuation, a text still weighs
# at most what the model takes, and there are at most max_requests × max_texts of them.
_BYTES_PER_TOKEN = 4
_SPECIAL_TOKENS = 2
OVERLOADED = "overloaded: as many requests or tokens wait as there is room for; come back in a second"


def weigh(text: str, max_length: int) -> int:
    """Estimate the tokens of a text, at most ``max_length``."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return min(max_length, size // _BYTES_PER_TOKEN + _SPECIAL_TOKENS)


class Admission:
    """What is in the house.

    Args:
        settings: Its limits.

    Attributes:
        requests: Requests with a permit.
        tokens: Their weight.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.requests = 0
        self.tokens = 0

    def full(self, size: int = 0) -> bool:
        """Whether a request would get no permit, as far as the size of its body tells.

        A body may be large and its texts few. So where more than an eighth of the house is free, none is too large.

        Args:
            size: Bytes of the body; 0 asks whether no request at all would get one.
        """
        most = self._settings.max_queue_tokens
        weight = max(1, min(size // _BYTES_PER_TOKEN, most // 8))
        return self.requests >= self._settings.max_requests or self.tokens + weight > most

    @contextmanager
    def permit(self, weights: Sequence[int]) -> Iterator[None]:
        """Let a request in, until the block ends.

        Args:
            weights: Tokens of each of its texts, estimated.

        Raises:
            Refusal: 429 if it does not fit now; 413 if it would not fit into an empty house.
        """
        weight, most = sum(weights), self._settings.max_queue_tokens
        if weight > most:
            raise Refusal(413, f"the texts have some {weight} tokens, and a request at most {most}; send fewer texts")
        if self.full() or self.tokens + weight > most:
            raise Refusal(429, OVERLOADED)
        self.requests += 1
        self.tokens += weight
        try:
            yield
        finally:
            self.requests -= 1
            self.tokens -= weight
