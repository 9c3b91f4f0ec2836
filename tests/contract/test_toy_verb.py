"""A verb is a generator of ten lines: it runs in the executor, on the command line and in the server's worker."""

import asyncio
import json
import sys
from dataclasses import dataclass
from functools import partial
from time import monotonic
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from fillmask import FillMask, InputError, NoMaskError
from fillmask.cli.main import COMMANDS, main
from fillmask.concurrency import Concurrency
from fillmask.executor import run_task
from fillmask.server.job import Job
from fillmask.server.registry import ServedModel
from fillmask.server.scheduler import Scheduler
from fillmask.task_stream import run_tasks
from fillmask.tasks import Read, Result, Verb
from tests.support import toys

TEXTS = [f"{'the ' * (index % 4)}[MASK] {word}{' [MASK]' * (index % 3)}" for index, word in enumerate(toys.WORDS * 3)]
EVERY = [Concurrency(), Concurrency(1, 3), Concurrency(4), Concurrency(16, 2), Concurrency(1024, 2)]


@dataclass(frozen=True)
class Best:
    """Reads the token with the highest logit at each position."""

    def __call__(self, logits):
        return logits.argmax(axis=-1).tolist()


def count_best(model, text, rounds):
    """For each mask the best token; in every further round once more, with the masks filled as in the last one."""
    rows, best = model.encode(text).rows, []
    filled = [row.input_ids.copy() for row in rows]
    for _ in range(rounds):
        best = yield [Read(ids, row.positions, Best()) for ids, row in zip(filled, rows, strict=True)]
        filled = [ids.copy() for ids in filled]
        for ids, row, tokens in zip(filled, rows, best, strict=True):
            ids[row.positions] = tokens
    return Result([token for tokens in best for token in tokens])


def resolve(model, *, rounds=2):
    """Check the verb's only parameter."""
    if not 1 <= rounds <= 9:
        raise InputError(f"rounds must be from 1 to 9, got {rounds}")
    return Result(rounds)


COUNT_BEST = Verb("count_best", resolve, count_best)


def by_hand(text, rounds=2):
    """What the verb must give, from the toy model's tables alone."""
    weights, ids = toys.tables(0), toys.word_piece().encode(text).ids
    masks = [position for position, token in enumerate(ids) if token == toys.VOCAB.index("[MASK]")]
    for _ in range(rounds):
        best = [int((weights[0][ids[mask - 1]] + weights[1][ids[mask + 1]]).argmax()) for mask in masks]
        for mask, token in zip(masks, best, strict=True):
            ids[mask] = token
    return best


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return toys.write_native(tmp_path_factory.mktemp("models") / "native")


@pytest.fixture(scope="module")
def model(folder):
    return FillMask(folder, variant="fp32", threads=1).model


def start(model, texts, **arguments):
    """The verb's tasks, as every caller starts them."""
    parameters = COUNT_BEST.resolve(model, **arguments).value
    return (COUNT_BEST.task(model, text, parameters) for text in texts)


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_a_new_verb_runs_alone(model, rounds):
    for text, task in zip(TEXTS, start(model, TEXTS, rounds=rounds), strict=True):
        assert run_task(model, task).value == by_hand(text, rounds)


def test_its_second_round_differs_from_its_first():
    assert [by_hand(text, 1) for text in TEXTS] != [by_hand(text, 2) for text in TEXTS]


@pytest.mark.parametrize("concurrency", EVERY, ids=str)
def test_a_new_verb_runs_among_others(model, concurrency):
    results = run_tasks(model, start(model, TEXTS), concurrency)
    assert [result.value for result in results] == [by_hand(text) for text in TEXTS]


@pytest.mark.parametrize("concurrency", EVERY, ids=str)
def test_a_text_that_a_new_verb_refuses_is_a_value(model, concurrency):
    texts = [TEXTS[1], "no mask", TEXTS[2]]
    first, error, last = run_tasks(model, start(model, texts), concurrency)
    assert (first.value, last.value) == (by_hand(texts[0]), by_hand(texts[2]))
    assert isinstance(error, NoMaskError)


def test_a_wrong_parameter_of_a_new_verb_is_refused_before_a_text_is_read(model):
    with pytest.raises(InputError, match="rounds must be from 1 to 9, got 0"):
        start(model, (pytest.fail("a text was read") for _ in "a"), rounds=0)


# On the command line


@click.command("count-best")
@click.argument("texts", nargs=-1)
@click.option("-m", "--model", "folder")
def count_best_command(*, texts, folder):
    """Count the best tokens of each TEXT."""
    model = FillMask(folder, variant="fp32", threads=1).model
    for result in run_tasks(model, start(model, texts), Concurrency(4)):
        click.echo(json.dumps(result.value))


@pytest.fixture
def row(monkeypatch):
    """The verb as a row of the table of commands, in a module of its own."""
    module = ModuleType("toy_verb")
    module.count_best_command = count_best_command
    monkeypatch.setitem(sys.modules, "toy_verb", module)
    monkeypatch.setitem(COMMANDS, "count-best", "toy_verb:count_best_command")


@pytest.mark.usefixtures("row")
def test_a_new_verb_is_a_row_of_the_table_of_commands(folder):
    result = CliRunner().invoke(main, ["count-best", "-m", str(folder), *TEXTS[:5]])
    assert (result.exit_code, result.stderr) == (0, "")
    assert [json.loads(line) for line in result.stdout.splitlines()] == [by_hand(text) for text in TEXTS[:5]]


@pytest.mark.usefixtures("row")
def test_a_new_verb_is_listed_with_its_help():
    shown = CliRunner().invoke(main, ["--help"]).stdout
    assert "  count-best  Count the best tokens of each TEXT." in shown
    assert CliRunner().invoke(main, ["count-best", "-h"]).stdout.startswith("Usage: main count-best [OPTIONS] [TEXTS]")


def test_without_its_row_there_is_no_such_command():
    result = CliRunner().invoke(main, ["count-best"])
    assert result.exit_code == 2
    assert "No such command 'count-best'" in result.stderr


# In the server's worker


async def served(model, texts, threads):
    """Run the verb for texts in the server's queue, each round of several texts together."""
    loop, parameters = asyncio.get_running_loop(), COUNT_BEST.resolve(model).value
    scheduler = Scheduler(threads, loop, max_batch=16)
    served_model, deadline = ServedModel("toy", model), monotonic() + 60
    starts = [partial(COUNT_BEST.task, model, text, parameters) for text in texts]
    jobs = [Job(served_model, start, deadline, 10, 10, loop.create_future()) for start in starts]
    scheduler.submit(jobs)
    results = await asyncio.gather(*(job.future for job in jobs))
    assert scheduler.stop(10)
    return results


@pytest.mark.parametrize("threads", [1, 2])
def test_a_new_verb_runs_in_the_worker_of_the_server(model, threads):
    results = asyncio.run(served(model, [*TEXTS, "no mask"], threads))
    assert [result.value for result in results[:-1]] == [by_hand(text) for text in TEXTS]
    assert isinstance(results[-1].value, NoMaskError)
