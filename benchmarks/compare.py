"""``python -m benchmarks compare COMMIT``: the working tree beside a commit, in one interleaved run.

Every value comes from a fresh process of its checkout. A round times the commit, the commit again as the control, and
the working tree, in random order. Each kind of value has rounds of its own, so the three follow each other at once.
More rounds follow while the control is wider than 5 %.
"""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import tarfile
from collections.abc import Callable, Iterable, Iterator
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
from benchmarks.suites.server import seconds_and_p99
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
@click.option("--model", type=click.Path(exists=True, file_okay=False, path_type=Path, resolve_path=True),
              help="Both checkouts run this model.  [default: the embedded model of each]")  # fmt: skip
def command(base: str, only: tuple[str, ...], rounds: int, model: Path | None) -> None:
    """Time the working tree beside COMMIT. A ratio says how many times as fast the working tree is."""
    roots = {BASE: checked_out(base), AGAIN: checked_out(base), TREE: _ROOT}
    models = {side: model or root / EMBEDDED.relative_to(_ROOT) for side, root in roots.items()}
    chosen = [kind for kind in MEASURES if not only or kind in only]
    with watch() as machine:
        found = {
            kind: run_rounds(
                {side: partial(MEASURES[kind], root, models[side]) for side, root in roots.items()},
                rounds,
                kind,
                controls=[(BASE, AGAIN)],
                value=lambda measured: next(iter(measured.values())),
            )
            for kind in chosen
        }
    click.echo(
        f"{cpu_model()}; {rounds} rounds or more; {base} ({BASE}) and the working tree; model: {model or 'embedded'}"
    )
    click.echo(f"steal {machine.steal:.1%}, other processes {machine.foreign:.1%} of the machine")
    for line in table(found.values()):
        click.echo(line)
    if any(rounds_of.failed for rounds_of in found.values()):
        reasons = [f"{kind} of {side}: {why}" for kind, each in found.items() for side, why in each.failed.items()]
        raise click.ClickException("these failed, and their rows are missing:\n" + "\n".join(reasons))


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


def table(found: Iterable[Rounds[str, Measured]]) -> list[str]:
    """A line for each value of each kind: both medians' ratio, that of the control, and what follows."""
    lines = [f"{'':30}{'speed ratio':24}{'control (A/A)':24}"]
    for kind in found:
        sides = [kind.samples.get(side, []) for side in (BASE, AGAIN, TREE)]
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
def _loaded(root: Path, model: Path) -> Iterator[Worker]:
    """A fresh process of a checkout with a model, on one thread."""
    with Worker(MeasuredContender, environment_of(root)) as worker:
        worker.call("load", name=FILLMASK, folders=_folders(model), threads=1)
        yield worker


def _calls(root: Path, model: Path) -> Measured:
    """Median seconds of a call by tokens."""
    writer, found = Writer.of(_folders(model)), {}
    with _loaded(root, model) as worker:
        for tokens in _TOKENS:
            times = worker.call("calls", texts=writer.write(tokens, 1), least=_CALLS, most=_CALLS, seconds=0)
            found[f"call, {tokens} tokens"] = statistics.median(times) / 1e3
    return found


def _many(root: Path, model: Path) -> Measured:
    """Seconds of ``predict_many`` on texts of the lengths of sentences, after one that does not count."""
    mix, found = Writer.of(_folders(model)).mix(_TEXTS), {}
    with _loaded(root, model) as worker:
        for batch_size, name in ((_BATCH, f"predict_many, batches of {_BATCH}"), (1, "predict_many, one by one")):
            for _ in range(2):
                found[name] = worker.call("seconds", texts=mix, batch_size=batch_size, workers=_WORKERS)
    return found


def _folders(model: Path) -> ModelFolders:
    return ModelFolders("minilm", model, model, model, True)


def _text(model: Path) -> str:
    return TEXT.replace("[MASK]", _folders(model).manifest["mask_token"])


def _start(root: Path, model: Path) -> Measured:
    code = f"from fillmask import FillMask; FillMask({str(model)!r})({_text(model)!r}); print(1, flush=True)"
    return {"start to first prediction": seconds_to_line(code, environment_of(root))}


def _server(root: Path, model: Path) -> Measured:
    """Seconds of a request, and of 99 % of the responses, by the number of clients, each with one text a request."""
    found, bodies = {}, bodies_of([_text(model)])
    with serve(str(model), environment=environment_of(root)) as server:
        for clients in _CLIENTS:
            seconds_and_p99(server, bodies, clients, _WARM_S)
            measured = seconds_and_p99(server, bodies, clients, _SECONDS)
            found[f"server, clients: {clients}"], found[f"server, p99 of clients: {clients}"] = measured
    return found


MEASURES: dict[str, Callable[[Path, Path], Measured]] = {
    "calls": _calls,
    "many": _many,
    "start": _start,
    "server": _server,
}
