"""How long it is from process start to the first answer: ``python -m benchmarks.startup``.

Fresh processes, fillmask and transformers by turns, each until its first answer is printed.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from benchmarks import results
from benchmarks.checkpoint import make_checkpoint

_TEXT = "Paris is the [MASK] of France."
_FILLMASK = f"from fillmask import FillMask; print(FillMask()({_TEXT!r})[0]['token_str'], flush=True)"
_TRANSFORMERS = (
    "from transformers import pipeline; "
    f"print(pipeline('fill-mask', model={{!r}})({_TEXT!r})[0]['token_str'], flush=True)"
)


@click.command()
@click.option("--rounds", default=11, show_default=True, help="Processes of each; the first of each is not counted.")
def main(rounds: int) -> None:
    """Time fresh processes of both and compare round by round."""
    with tempfile.TemporaryDirectory() as folder:
        transformers = _TRANSFORMERS.format(str(make_checkpoint(Path(folder))))
        with click.progressbar(range(rounds), label="startup") as counted:
            pairs = [(_first_answer(_FILLMASK), _first_answer(transformers)) for _ in counted][1:]
    ours, theirs = zip(*pairs, strict=True)
    ratio = results.ratio(ours, theirs)
    print(f"process start to first answer: fillmask {statistics.median(ours):.2f} s, transformers "
          f"{statistics.median(theirs):.2f} s, ratio {ratio:.3f}")  # fmt: skip
    print(results.write("startup", {"fillmask_s": ours, "transformers_s": theirs, "ratio": ratio}))


def _first_answer(code: str) -> float:
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        elapsed = time.perf_counter() - start
    if not line:
        raise click.ClickException(f"no answer from {code!r}")
    return elapsed


if __name__ == "__main__":
    main()
