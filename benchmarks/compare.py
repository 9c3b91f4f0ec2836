"""``python -m benchmarks compare COMMIT``: the working tree beside a commit, in one interleaved run.

Every value comes from a fresh process of its checkout. A round times the commit, the commit again as the control, and
the working tree, in random order.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import click

from benchmarks.harness.machine import Watch
from benchmarks.harness.rounds import Rounds, run_rounds
from benchmarks.harness.stats import claim, ratio
from benchmarks.harness.worker import ContenderError
from fillmask.environment import cpu_model
from tests.load.generator import Load, bodies_of, closed_loop, run
from tests.support.serving import TEXT, serve

_ROOT = Path(__file__).parents[1]
_PROGRAM = Path(__file__).parent / "measures" / "checkout.py"
_CLIENTS, _SECONDS, _WARM_S = (1, 64), 2.0, 0.5
_UNIT = "s"  # of every value, the server's too: seconds of a request
_BASE, _AGAIN, _TREE = "base", "base again", "working tree"

Measured = dict[str, float]


@click.command()
@click.argument("base", metavar="COMMIT")
@click.option("--only", multiple=True, type=click.Choice(["calls", "many", "start", "server"]), help="[default: all]")
@click.option("--rounds", type=click.IntRange(3), default=15, show_default=True)
def command(base: str, only: tuple[str, ...], rounds: int) -> None:
    """Time the working tree beside COMMIT. A ratio says how many times as fast the working tree is."""
    roots = {_BASE: checked_out(base), _AGAIN: checked_out(base), _TREE: _ROOT}
    chosen = [kind for kind in MEASURES if not only or kind in only]
    blocks = {
        (kind, side): partial(MEASURES[kind], environment_of(root)) for kind in chosen for side, root in roots.items()
    }
    with Watch() as watch:
        found = run_rounds(blocks, rounds, "both checkouts", value=lambda measured: next(iter(measured.values())))
    click.echo(f"{cpu_model()}; {rounds} rounds; {base} ({_BASE}) and the working tree")
    click.echo(f"steal {watch.steal:.1%}, other processes {watch.foreign:.1%} of the machine")
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
        sides = [found.samples.get((kind, side), []) for side in (_BASE, _AGAIN, _TREE)]
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


def _process(kind: str, environment: Mapping[str, str]) -> Measured:
    """What the program measures in a fresh process; of ``start`` the seconds from its start to its line."""
    with tempfile.TemporaryFile("w+") as errors:
        begun = time.perf_counter()
        command = [sys.executable, str(_PROGRAM), kind]
        with subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=errors) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            elapsed = time.perf_counter() - begun
        if process.returncode:
            errors.seek(0)
            raise ContenderError((errors.read().strip().splitlines() or ["nothing on stderr"])[-1])
    measured: Measured = json.loads(line)
    return measured or {"start to first prediction": elapsed}


def _server(environment: Mapping[str, str]) -> Measured:
    """Seconds of a request by the number of clients, each with one text a request."""
    found = {}
    with serve(environment=environment) as server:
        load = Load(*server.address, bodies=bodies_of([TEXT]), keep=100)
        for clients in _CLIENTS:
            run(closed_loop(load, clients, _WARM_S))
            results = run(closed_loop(load, clients, _SECONDS))
            if failed := sum(result.status != 200 for result in results):
                raise ContenderError(f"{failed} of {len(results)} requests failed with {clients} clients")
            found[f"server, clients: {clients}"] = max(each.due + each.latency for each in results) / len(results)
    return found


MEASURES: dict[str, Callable[[Mapping[str, str]], Measured]] = {
    "calls": partial(_process, "calls"),
    "many": partial(_process, "many"),
    "start": partial(_process, "start"),
    "server": _server,
}
