"""How many short texts a second, one by one and in batches: ``python -m benchmarks.throughput``.

128 sentences of one mask each. Every way of answering them goes through them once a round, in random order; a ratio is
the median of those of the rounds. The same is asked twice under two names: how far their ratio is from 1 says what the
machine lets one tell apart.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import click

from benchmarks import results
from fillmask import FillMask
from fillmask_export.probes import read_texts

_TEXTS = 128
_ONE_BY_ONE = "one by one, two threads"
Way = Callable[[], object]


@click.command()
@click.option("--model", help="A model folder.  [default: the embedded model]")
@click.option("--rounds", default=15, show_default=True)
def main(model: str | None, rounds: int) -> None:
    """Time the ways in turn."""
    fill_mask, texts = FillMask(model, threads=1), make_texts()
    list(fill_mask.predict_many(texts))
    seconds = alternate(ways(fill_mask, texts), rounds)
    ratios = {name: 1 / results.ratio(times, seconds[_ONE_BY_ONE]) for name, times in seconds.items()}
    for name, ratio in ratios.items():
        print(f"{name:28} {_TEXTS / min(seconds[name]):6.0f}/s at best, {ratio:.2f} times one by one in two threads")
    tokens = sum(row.input_ids.size for text in texts for row in fill_mask._answerer.encode(text, None))
    record = {"model": model or "minilm-en", "texts": _TEXTS, "mean_tokens": tokens / _TEXTS}
    print(results.write("throughput", record | {"seconds": seconds, "ratios": ratios}))


def make_texts() -> list[str]:
    """Sentences of the built-in probes, each with one word masked, some of them twice with different words."""
    rng, texts = random.Random(0), read_texts(None)  # noqa: S311 -- no secret
    masked = []
    for number in range(_TEXTS):
        words = texts[number % len(texts)].split()
        words[rng.randrange(len(words))] = "[MASK]"
        masked.append(" ".join(words))
    return masked


def ways(fill_mask: FillMask, texts: list[str]) -> dict[str, Way]:
    """The ways to answer the texts, each on a session of one thread."""

    def one_by_one() -> object:
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(fill_mask.predict, texts))

    def together(batch_size: int, workers: int) -> Way:
        return lambda: list(fill_mask.predict_many(texts, batch_size=batch_size, workers=workers))

    made: dict[str, Way] = {
        _ONE_BY_ONE: one_by_one,
        "the same again": one_by_one,
        "one by one, one thread": together(1, 1),
    }
    for batch_size in (4, 8, 16, 32):
        made[f"batches of {batch_size}, two threads"] = together(batch_size, 2)
    return made | {"batches of 16, one thread": together(16, 1)}


def alternate(asked: dict[str, Way], rounds: int) -> dict[str, list[float]]:
    """Seconds of each way in each round."""
    rng, seconds = random.Random(0), {name: list[float]() for name in asked}  # noqa: S311 -- no secret
    for _ in range(rounds):
        for name in rng.sample(list(asked), len(asked)):
            start = time.perf_counter()
            asked[name]()
            seconds[name].append(round(time.perf_counter() - start, 5))
    return seconds


if __name__ == "__main__":
    main()
