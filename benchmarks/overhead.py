"""How much of a call lies outside ONNX Runtime: ``python -m benchmarks.overhead``.

The run is timed inside the call, so both times are of the same call, with the caches as the run leaves them.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import click

from benchmarks import results
from fillmask import FillMask

_TOKENS = 32
_TEXT = " ".join(["the"] * (_TOKENS - 3) + ["[MASK]"])


class _Timed:
    """ONNX Runtime's session, its runs timed.

    Args:
        session: The session.
    """

    def __init__(self, session: Any) -> None:  # noqa: ANN401 -- onnxruntime has no types
        self._session = session
        self.elapsed_ms = 0.0

    def run(self, *arguments: object) -> object:
        """Run, and keep how long it took."""
        start = time.perf_counter_ns()
        answer = self._session.run(*arguments)
        self.elapsed_ms = _since(start)
        return answer


@click.command()
@click.option("--calls", default=2000, show_default=True, help="Calls; a tenth more at first does not count.")
@click.option("--threads", default=1, show_default=True)
def main(calls: int, threads: int) -> None:
    """Time calls and the runs in them."""
    fill_mask = FillMask(threads=threads)
    timed = _Timed(fill_mask._session._session)
    fill_mask._session._session = timed
    pairs = [_time(fill_mask, timed) for _ in range(calls + calls // 10)][calls // 10 :]
    whole, inside = zip(*pairs, strict=True)
    share = 1 - results.ratio(inside, whole)
    print(f"{_TOKENS} tokens, {threads} thread: a call {statistics.median(whole):.3f} ms, ONNX Runtime in it "
          f"{statistics.median(inside):.3f} ms, outside {share:.1%}")  # fmt: skip
    record = {"tokens": _TOKENS, "threads": threads, "call_ms": whole, "run_ms": inside, "share_outside": share}
    print(results.write("overhead", record))


def _time(fill_mask: FillMask, timed: _Timed) -> tuple[float, float]:
    start = time.perf_counter_ns()
    fill_mask.predict(_TEXT)
    return _since(start), timed.elapsed_ms


def _since(start_ns: int) -> float:
    return round((time.perf_counter_ns() - start_ns) / 1e6, 4)


if __name__ == "__main__":
    main()
