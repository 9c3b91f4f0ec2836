"""One task: its rounds, its equal reads, its failed runs."""

import itertools

import pytest

from fillmask.concurrency import Concurrency
from fillmask.errors import FillMaskError
from fillmask.executor import run_batch, run_task
from fillmask.model import Model
from fillmask.task_stream import run_tasks
from fillmask.tasks import Read, Result
from fillmask.tasks.predict import TopK
from tests.support import toys
from tests.support.tasks import MANY, WORDS, Best, Refusing, continued, predictions


@pytest.fixture
def model(fill_mask):
    return fill_mask.model


@pytest.mark.parametrize("concurrency", [Concurrency(), *MANY], ids=str)
def test_a_task_of_several_rounds_ends_as_it_does_alone(model, concurrency):
    pairs = enumerate(itertools.pairwise(WORDS))
    texts = [f"{'the ' * (index % 3)}[MASK] {word} {other}" for index, (word, other) in pairs]
    # Some tasks need more rounds than others, so that a window runs on for a few of them.
    rounds = [1 + index % 4 for index in range(len(texts))]
    alone = [run_task(model, continued(model, text, count)) for text, count in zip(texts, rounds, strict=True)]
    tasks = (continued(model, text, count) for text, count in zip(texts, rounds, strict=True))
    assert list(run_tasks(model, tasks, concurrency)) == alone
    assert [len(result.value) for result in alone] == rounds
    assert [result.notices[0].message for result in alone] == texts


def test_each_round_of_a_task_sees_what_the_round_before_it_gave(model):
    weights = toys.tables(0)
    (row,) = model.encode("the [MASK] cat").rows
    first = int((weights[0][row.input_ids[1]] + weights[1][row.input_ids[3]]).argmax())
    second = int((weights[0][row.input_ids[1]] + weights[1][first]).argmax())
    assert run_task(model, continued(model, "the [MASK] cat", 2)).value == [first, second]


@pytest.mark.parametrize("concurrency", [Concurrency(), Concurrency(2, 2)], ids=str)
def test_a_task_hears_of_a_failed_run_and_may_go_on(model, concurrency):
    def task():
        (row,) = model.encode("[MASK] cat").rows
        best = run_batch(model.logits, [Read(row.input_ids, row.positions, Best())])[0][0]
        try:
            yield [Read(row.input_ids, row.positions, Refusing(best, FillMaskError))]
        except FillMaskError as error:
            return Result(str(error))

    (result,) = run_tasks(model, [task()], concurrency)
    assert result.value.endswith("is refused")


def test_equal_rows_that_are_read_in_another_way_run_by_themselves(model, runs):
    (row,) = model.encode("[MASK] cat").rows

    def task(reading):
        (result,) = yield [Read(row.input_ids, row.positions, reading)]
        return Result(result)

    readings = [TopK(1, None), TopK(2, None), TopK(1, None)]
    results = [each.value for each in run_tasks(model, map(task, readings), Concurrency(8))]
    assert [len(mask) for (mask,) in results] == [1, 2, 1]
    assert sum(runs) == 2


def test_an_error_that_is_no_fault_of_a_text_is_raised_by_a_task_alone(model, monkeypatch):
    def broken(*_):
        raise FillMaskError("ONNX Runtime failed in a run: no memory")

    monkeypatch.setattr(Model, "logits", broken)
    (task,) = predictions(model, ["[MASK]"])
    with pytest.raises(FillMaskError, match="no memory"):
        run_task(model, task)
