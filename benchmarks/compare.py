"""``python -m benchmarks compare COMMIT``: the working tree beside a commit, in one interleaved run.

Every value comes from a fresh process of its checkout. A round times the commit, the commit again as the control, and
the working tree, in random order.
"""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click

from benchmarks.contenders import FILLMASK
from benchmarks.harness.machine import watch
from benchmarks.harness.measured import MeasuredContender
from benchmarks.harness.rounds import Rounds, run_rounds
from benchmarks.harness.stats import claim, ratio
from benchmarks.harness.worker import Worker
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer
from benchmarks.suites.server import request_seconds
from benchmarks.suites.startup import seconds_to_line
from fillmask.artifact.folder import EMBEDDED
from fillmask.environment import cpu_model
from tests.load.generator import bodies_of
from tests.support.serving import TEXT, serve

_ROOT = Path(__file__).parents[1]
_TOKENS, _CALLS = (16, 32), 300
_TEXTS, _BATCH, _WORKERS = 160, 16, 2
_CLIENTS, _SECONDS, _WARM_S = (1, 64), 2.0, 0.5
_UNIT = "s"  # of every value, the server's too: seconds of a request
BASE, AGAIN, TREE = "base", "base again", "working tree"

Measured = dict[str, float]


@click.command()
@click.argument("base", metavar="COMMIT")
@click.option("--only", multiple=True, type=click.Choice(["calls", "many", "start", "server"]), help="[default: all]")
@click.option("--rounds", type=click.IntRange(3), default=15, show_default=True)
def command(base: str, only: tuple[str, ...], rounds: int) -> None:
    """Time the working tree beside COMMIT. A ratio says how many times as fast the working tree is."""
    roots = {BASE: checked_out(base), AGAIN: checked_out(base), TREE: _ROOT}
    chosen = [kind for kind in MEASURES if not only or kind in only]
    blocks = {(kind, side): partial(MEASURES[kind], root) for kind in chosen for side, root in roots.items()}
    with watch() as machine:
        found = run_rounds(blocks, rounds, "both checkouts", value=lambda measured: next(iter(measured.values())))
    click.echo(f"{cpu_model()}; {rounds} rounds; {base} ({BASE}) and the working tree")
    click.echo(f"steal {machine.steal:.1%}, other processes {machine.foreign:.1%} of the machine")
    for line in table(found, chosen):
        click.echo(line)
    if found.failed:
        reasons = "\n".join(f"{kind} of {side}: {why}" for (kind, side), why in found.failed.items())
        raise click.ClickException(f"these failed, and their rows are missing:\n{reasons}")


def checked_out(commit: str) -> Path:
    """The folder of a commit's files in ``build/``, written if it is missing.

    Raises:
        click.BadParameter: git knows no such commit.
    """
    try:
        sha = _git("rev-parse", "--verify", f"{commit}^{{commit}}").decode().strip()
    except subprocess.CalledProcessError as error:
        raise click.BadParameter(f"git knows no commit {commit!r}: {error.stderr.decode().strip()}") from error
    folder = _ROOT / "build" / "compare" / sha
    if not folder.exists():
        partly = folder.with_name(f"{sha}.part{os.getpid()}")
        with tarfile.open(fileobj=io.BytesIO(_git("archive", sha, "engine"))) as files:
            files.extractall(partly, filter="data")
        partly.rename(folder)
    return folder


def environment_of(root: Path) -> dict[str, str]:
    """The environment in which a process imports fillmask from a checkout, with a cache of its bytecode."""
    cache = str(_ROOT / "build" / "compare" / "bytecode")
    return {"PYTHONPATH": str(root / "engine"), "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}


def table(found: Rounds[tuple[str, str], Measured], kinds: Sequence[str]) -> list[str]:
    """A line for each value: both medians' ratio, that of the control, and what follows."""
    lines = [f"{'':30}{'speed ratio':24}{'control (A/A)':24}"]
    for kind in kinds:
        sides = [found.samples.get((kind, side), []) for side in (BASE, AGAIN, TREE)]
        if not all(sides):
            continue
        for name in sides[0][0]:
            base, again, tree = ([measured[name] for measured in side] for side in sides)
            ours, control = ratio(_UNIT, tree, base), ratio(_UNIT, again, base)
            cells = (f"{each.value:.3f} [{each.low:.3f}, {each.high:.3f}]" for each in (ours, control))
            lines.append(f"{name:30}{next(cells):24}{next(cells):24}{claim(_UNIT, ours, control)}")
    return lines


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=_ROOT, capture_output=True, check=True).stdout  # noqa: S607


@contextmanager
def _loaded(root: Path) -> Iterator[Worker]:
    """A fresh process with the embedded model of a checkout, on one thread."""
    folder = root / EMBEDDED.relative_to(_ROOT)
    with Worker(MeasuredContender, environment_of(root)) as worker:
        worker.call("load", name=FILLMASK, folders=ModelFolders("minilm", folder, folder, folder, True), threads=1)
        yield worker


def _calls(root: Path) -> Measured:
    """Median seconds of a call by tokens."""
    writer, found = Writer(EMBEDDED, "[MASK]"), {}
    with _loaded(root) as worker:
        for tokens in _TOKENS:
            times = worker.call("calls", texts=writer.write(tokens, 1), least=_CALLS, most=_CALLS, seconds=0)
            found[f"call, {tokens} tokens"] = statistics.median(times) / 1e3
    return found


def _many(root: Path) -> Measured:
    """Seconds of ``predict_many`` on texts of the lengths of sentences, after one that does not count."""
    mix, found = Writer(EMBEDDED, "[MASK]").mix(_TEXTS), {}
    with _loaded(root) as worker:
        for batch_size, name in ((_BATCH, f"predict_many, batches of {_BATCH}"), (1, "predict_many, one by one")):
            for _ in range(2):
                found[name] = worker.call("seconds", texts=mix, batch_size=batch_size, workers=_WORKERS)
    return found


def _start(root: Path) -> Measured:
    code = f"from fillmask import FillMask; FillMask()({TEXT!r}); print(1, flush=True)"
    return {"start to first prediction": seconds_to_line(code, environment_of(root))}


def _server(root: Path) -> Measured:
    """Seconds of a request by the number of clients, each with one text a request."""
    found = {}
    with serve(environment=environment_of(root)) as server:
        for clients in _CLIENTS:
            request_seconds(server, bodies_of([TEXT]), clients, _WARM_S)
            found[f"server, clients: {clients}"] = request_seconds(server, bodies_of([TEXT]), clients, _SECONDS)
    return found


MEASURES: dict[str, Callable[[Path], Measured]] = {
    "calls": _calls,
    "many": _many,
    "start": _start,
    "server": _server,
}
