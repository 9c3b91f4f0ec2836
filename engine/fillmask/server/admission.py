"""Admission control: a request gets a permit before any work, or fails at once.

Limits apply to the number of requests and to their weight. The weight estimates tokens from the length of a text, since
tokenizing it would already be work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from heapq import heappush, heappushpop

from fillmask.server.http_errors import HttpError
from fillmask.server.settings import Settings

# English has 4 to 5 bytes a token. The estimate is too low for other texts, such as pure punctuation. The error is
# bounded: a text weighs at most the model's length, and there are at most max_requests × max_texts of them.
BYTES_PER_TOKEN = 4
_SPECIAL_TOKENS = 2
# Streams last long. The rest of the capacity is for requests that are none.
_STREAM_SHARE = 3 / 4
# Requests of at most this share of the capacity may exceed it by the other share, so that a few large requests do not
# shut out small ones.
_SMALL = 1 / 64
_RESERVE = 1 / 8
OVERLOADED = "overloaded: the queue of requests or tokens is full; retry after a second"


def weigh(text: str, max_length: int, bytes_per_token: int = BYTES_PER_TOKEN) -> int:
    """Estimate the tokens of a text, at most ``max_length``."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return min(max_length, size // bytes_per_token + _SPECIAL_TOKENS)


class Admission:
    """Counts the admitted requests and their tokens.

    Args:
        settings: The limits.

    Attributes:
        requests: Requests that hold a permit.
        tokens: Their estimated tokens.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.requests = 0
        self.tokens = 0
        self._streams = 0
        self._stream_tokens = 0

    @property
    def stream_tokens_limit(self) -> int:
        """Tokens that all streams may hold together."""
        return max(1, int(self._settings.max_queue_tokens * _STREAM_SHARE))

    @property
    def most_small(self) -> int:
        """Tokens of a small request, at most: it runs before large ones, and has a part of the queue."""
        return int(self._settings.max_queue_tokens * _SMALL)

    def small(self, weight: int) -> bool:
        """Return whether a request of this weight is small."""
        return weight <= self.most_small

    def full(self, size: int = 0) -> bool:
        """Return whether a request would get no permit, judged by the size of its body alone.

        A large body may hold few texts. So no body is too large while more than 1/8 of the queue is free.

        Args:
            size: Bytes of the body; with 0 the smallest possible request is meant.
        """
        most = self._settings.max_queue_tokens
        weight = max(1, min(size // BYTES_PER_TOKEN, most // 8))
        return self.requests >= self._settings.max_requests or not self._fits(weight)

    def _fits(self, weight: int) -> bool:
        most = self._settings.max_queue_tokens
        return self.tokens + weight <= most * (1 + _RESERVE * self.small(weight))

    @contextmanager
    def permit(self, weights: Sequence[int]) -> Iterator[None]:
        """Admit a request until the block ends.

        Args:
            weights: Estimated tokens of each of its texts.

        Raises:
            HttpError: 429 if the queue is too full now; 413 if the request is larger than the whole queue.
        """
        weight, most = sum(weights), self._settings.max_queue_tokens
        if weight > most:
            raise HttpError(
                413, f"the texts have about {weight} tokens, a request at most {most}; send fewer or shorter texts"
            )
        if self.full() or not self._fits(weight):
            raise HttpError(429, OVERLOADED)
        self.requests += 1
        self.tokens += weight
        try:
            yield
        finally:
            self.requests -= 1
            self.tokens -= weight

    @contextmanager
    def stream_permit(self, needs: Sequence[int]) -> Iterator[Callable[[int], None]]:
        """Admit a stream until the block ends. Its weight is that of its heaviest texts that are left.

        Args:
            needs: See ``stream_needs``.

        Yields:
            A function of the index of a text, which gives back what only this text and those before it needed.

        Raises:
            HttpError: As ``permit``; streams get only their share of the capacity.
        """
        weight, most = needs[0], self.stream_tokens_limit
        if weight > most:
            raise HttpError(413, f"the texts have about {weight} tokens, a stream at most {most}; send shorter texts")
        if self._stream_tokens + weight > most or self._streams >= max(1, self._settings.max_requests * _STREAM_SHARE):
            raise HttpError(429, OVERLOADED)
        with self.permit([weight]):
            self._hold(1, weight)
            held = weight

            def resize(need: int) -> None:
                nonlocal held
                self._hold(0, need - held)
                self.tokens += need - held
                held = need

            try:
                yield lambda index: resize(needs[index + 1])
            finally:
                resize(weight)  # what permit gives back
                self._hold(-1, -weight)

    def _hold(self, streams: int, tokens: int) -> None:
        self._streams += streams
        self._stream_tokens += tokens


def stream_needs(weights: Sequence[int], in_flight: int) -> list[int]:
    """Return the weight of the heaviest texts from each index on, so many of them; and 0 for the end.

    Args:
        weights: Estimated tokens of each text of a stream.
        in_flight: Texts in the queue or in a run at the same time, at most.
    """
    heaviest: list[int] = []
    needs, total = [0], 0
    for weight in reversed(weights):
        total += weight
        if len(heaviest) < in_flight:
            heappush(heaviest, weight)
        else:
            total -= heappushpop(heaviest, weight)
        needs.append(total)
    return needs[::-1]
