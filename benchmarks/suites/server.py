"""The server beside the library, on the same texts and the same cores, with one client and with many.

Both take turns in each round. The library's rates are those of ``predict_many`` with a worker for each core: one text a
run, and in the batches that the server forms too. The clients run on the same cores. No text comes twice in a round,
since equal texts that wait together run once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.harness.measured import mean_seconds
from benchmarks.harness.options import SuiteOptions
from benchmarks.harness.records import case_name
from benchmarks.harness.result import Case, SuiteResult
from benchmarks.harness.rounds import run_rounds
from benchmarks.harness.suite import suite_command
from benchmarks.harness.worker import ContenderError
from fillmask import FillMask
from fillmask.runtime.cpu import available_threads
from tests.load.generator import Load, bodies_of, closed_loop, percentile, run
from tests.support.serving import TEXT, Served, serve

_ROUNDS = {"quick": 5, "full": 15}
_WORDS = "the library is next to the town hall and on friday evenings it stays open until nine".split()  # noqa: SIM905
# Words of each text: most texts are short, few are long.
_LENGTHS = (6, 8, 10, 12, 14, 17, 20, 22, 25, 30, 33, 40, 50, 60, 90, 120)
_TEXTS = {
    "short": [f"Room {number} has a [MASK]." for number in range(len(_WORDS) * len(_LENGTHS))],
    "mixed": [
        " ".join((_WORDS * 8)[start : start + length]) + " [MASK]."
        for start in range(len(_WORDS))
        for length in _LENGTHS
    ],
}
_CLIENTS, _LISTS, _BATCH = 64, 8, 16
_SECONDS = 1.0  # of a block
_LIBRARY, _BATCHES, _SERVER, _SERVER_LISTS = "library", "library-batches", "server", "server-lists"
Blocks = dict[str, Callable[[], float]]


def measure(options: SuiteOptions, _: None = None) -> SuiteResult:
    """Time the server beside the library."""
    rounds, library = options.rounds or _ROUNDS[options.profile], FillMask(threads=1)
    result = SuiteResult({"rounds": rounds, "clients": _CLIENTS, "clients_with_lists": _LISTS, "batch": _BATCH,
                          "seconds": _SECONDS})  # fmt: skip
    with serve() as server:
        _add(result, {"clients": 1, "text": "short"}, "ms", _one_client(server, library))
        for name, texts in _TEXTS.items():
            _add(result, {"clients": _CLIENTS, "text": name}, "texts/s", _many_clients(server, library, texts))
    return result


def _one_client(server: Served, library: FillMask) -> Blocks:
    """Milliseconds that a client waits for a short text, beside the library's call."""

    def requests() -> float:
        return request_seconds(server, bodies_of([TEXT]), 1, _SECONDS) * 1e3

    calls = partial(_call_ms, library)
    return {_LIBRARY: calls, f"{_LIBRARY}-again": calls, _SERVER: requests}


def _many_clients(server: Served, library: FillMask, texts: list[str]) -> Blocks:
    """Texts a second with enough clients to keep the server busy."""
    lists = [json.dumps({"inputs": list(each)}).encode() for each in zip(*[iter(texts)] * _BATCH, strict=True)]
    alone, batches = (partial(_library_rate, library, texts, size) for size in (1, _BATCH))
    return {
        _LIBRARY: alone,
        f"{_LIBRARY}-again": alone,
        _BATCHES: batches,
        f"{_BATCHES}-again": batches,
        _SERVER: lambda: 1 / request_seconds(server, bodies_of(texts), _CLIENTS, _SECONDS),
        _SERVER_LISTS: lambda: _BATCH / request_seconds(server, lists, _LISTS, _SECONDS),
    }


def _add(result: SuiteResult, case: Case, unit: str, blocks: Blocks) -> None:
    """Each baseline has a control of its own."""
    controls = [(baseline, f"{baseline}-again") for baseline in (_LIBRARY, _BATCHES) if baseline in blocks]
    rounds = run_rounds(blocks, result.params["rounds"], case_name(case), controls=controls)
    result.add(case, unit, rounds, precision="int8")
    for control in controls:
        baseline = control[0]
        pairs = [(name, baseline) for name in (_SERVER, _SERVER_LISTS)]
        name = f"{case_name(case)}, {baseline}"
        result.compare(case, unit, rounds.samples, control=control, pairs=pairs, name=name)


def _library_rate(library: FillMask, texts: Sequence[str], batch_size: int) -> float:
    """Texts a second of the library."""
    start = time.perf_counter()
    predictions = list(library.predict_many(texts, batch_size=batch_size, workers=available_threads()))
    return len(predictions) / (time.perf_counter() - start)


def _call_ms(library: FillMask) -> float:
    """The mean of the calls of a block."""
    return mean_seconds(partial(library.predict, TEXT), _SECONDS) * 1e3


def request_seconds(server: Served, bodies: Sequence[bytes], clients: int, seconds: float) -> float:
    """Seconds of a load over its requests, by clients that each wait for their response."""
    return seconds_and_p99(server, bodies, clients, seconds)[0]


def seconds_and_p99(server: Served, bodies: Sequence[bytes], clients: int, seconds: float) -> tuple[float, float]:
    """As ``request_seconds``, and the seconds within which 99 % of the responses come.

    Raises:
        ContenderError: A request failed.
    """
    results = run(closed_loop(Load(*server.address, bodies, keep=1000), clients, seconds))
    if failed := [result for result in results if result.status != 200]:
        raise ContenderError(f"{len(failed)} of {len(results)} requests failed with {clients} clients: {failed[:3]}")
    latencies = [each.latency for each in results]
    return max(each.due + each.latency for each in results) / len(results), percentile(latencies, 0.99)


command = suite_command("server", measure, "Time the server beside the library.", models=())
