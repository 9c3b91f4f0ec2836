"""Permits: a request gets one before any work is done for it, or is refused at once.

Requests are counted and weighed. The weight is an estimate from the text's length, since counting tokens is work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fillmask.server.refusals import Refusal
from fillmask.server.settings import Settings

# English has 4 to 5 bytes a token. Where the estimate is too low, as for a text of punctuation, a text still weighs
# at most what the model takes, and there are at most max_requests × max_texts of them.
_BYTES_PER_TOKEN = 4
_SPECIAL_TOKENS = 2


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

    @property
    def full(self) -> bool:
        """Whether no request at all would get a permit."""
        return self.requests >= self._settings.max_requests or self.tokens >= self._settings.max_queue_tokens

    def refusal(self) -> Refusal:
        """What to say to a request that gets no permit."""
        return Refusal(429, f"overloaded: {self.requests} requests with some {self.tokens} tokens wait or run; "
                            f"come back in a second")  # fmt: skip

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
        if self.full or self.tokens + weight > most:
            raise self.refusal()
        self.requests += 1
        self.tokens += weight
        try:
            yield
        finally:
            self.requests -= 1
            self.tokens -= weight
