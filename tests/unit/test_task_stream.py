"""Many tasks: each as if it were alone, in order, with errors as values."""

import itertools
import threading
import time

import pytest

from fillmask.concurrency import Concurrency
from fillmask.errors import FillMaskError, ForkError, InputError, NoMaskError, TooLongError
from fillmask.executor import run_batch, run_task
from fillmask.model import Model
from fillmask.results import Results
from fillmask.runtime.session import Session
from fillmask.task_stream import TaskRun, run_tasks
from fillmask.tasks import Read, Result
from tests.support.tasks import MANY, TEXTS, WORDS, Best, Refusing, continued, predictions, tokens


@pytest.fixture
def model(fill_mask):
    return fill_mask.model


def test_texts_are_read_ahead_for_a_gpu_and_predicted_as_on_a_cpu(fill_mask, monkeypatch):
    alone = [fill_mask.predict(text) for text in TEXTS]
    monkeypatch.setattr(fill_mask.model.session, "on_gpu", True)
    read = []
    outcomes = fill_mask.predict_many(read.append(text) or text for text in TEXTS)
    first = next(outcomes)
    assert len(read) > 1
    assert [first, *outcomes] == alone


@pytest.mark.parametrize("on_gpu", [False, True])
def test_rows_of_a_task_that_asks_for_it_share_no_run_with_others_but_on_a_gpu(native, runs, monkeypatch, on_gpu):
    monkeypatch.setattr(native.model.session, "on_gpu", on_gpu)

    def alone(rows):
        (row,) = native.model.encode("the [MASK] sat").rows
        found = yield [Read(row.input_ids, row.positions, Best(), alone=True)] * rows
        return Result(len(found))

    values = [outcome.value for outcome in run_tasks(native.model, map(alone, [1, 3, 1]), Concurrency(64, 1))]
    assert values == [1, 3, 1]
    assert runs == ([1] if on_gpu else [1, 1, 1])  # equal reads run once, of all tasks or of one


@pytest.mark.parametrize(("keeps_bits", "expected"), [(False, [1, 3, 2]), (True, [4, 2])])
def test_rows_of_such_tasks_share_a_run_of_equal_length_where_that_keeps_every_bit(
    native, runs, monkeypatch, keeps_bits, expected
):
    monkeypatch.setattr(Model, "bitwise_invariant", keeps_bits)

    def alone(texts):
        rows = [row for text in texts for row in native.model.encode(text).rows]
        found = yield [Read(row.input_ids, row.positions, Best(), alone=True) for row in rows]
        return Result(found)

    texts = [["on [MASK]"], ["a [MASK]", "the [MASK]", "cat [MASK]"], ["the [MASK] sat", "a [MASK] sat"]]
    values = [outcome.value for outcome in run_tasks(native.model, map(alone, texts), Concurrency(1, 2))]
    assert [len(value) for value in values] == [1, 3, 2]
    assert values == [run_task(native.model, alone(each)).value for each in texts]
    assert sorted(runs[: len(expected)]) == sorted(expected)


@pytest.mark.parametrize("concurrency", MANY, ids=str)
def test_every_text_is_predicted_in_its_place(fill_mask, concurrency):
    together = list(fill_mask.predict_many(TEXTS, batch_size=concurrency.batch_size, workers=concurrency.workers))
    assert [tokens(masks) for masks in together] == [tokens(fill_mask.predict(text)) for text in TEXTS]


def test_a_bad_text_is_reported_and_its_neighbors_are_predicted(fill_mask):
    texts = ["[MASK]", "no mask", "[MASK]" * 50, "[MASK] cat", None]
    outcomes = list(fill_mask.predict_many(texts, batch_size=8))
    assert [type(outcome) for outcome in outcomes[1:3]] == [NoMaskError, TooLongError]
    assert isinstance(outcomes[4], InputError)
    expected = [tokens(fill_mask.predict(text)) for text in (texts[0], texts[3])]
    assert [tokens(outcomes[0]), tokens(outcomes[3])] == expected


def test_the_windows_of_a_long_text_come_back_as_one_result(fill_mask):
    text = "[MASK] the cat " * 30
    (masks,) = fill_mask.predict_many([text], truncation="window", batch_size=4)
    assert tokens(masks) == tokens(fill_mask.predict(text, truncation="window"))
    assert len(masks) == 30


@pytest.mark.parametrize("concurrency", [Concurrency(), Concurrency(4, 2)], ids=str)
def test_a_task_may_end_without_reading_anything_or_read_nothing_in_a_round(model, concurrency):
    def task(rounds):
        for _ in range(rounds):
            assert (yield []) == []
        return Result(rounds)

    results = list(run_tasks(model, (task(rounds) for rounds in (0, 2, 1)), concurrency))
    assert results == [Result(0), Result(2), Result(1)]


@pytest.mark.parametrize("concurrency", [Concurrency(), Concurrency(2, 2)], ids=str)
def test_a_task_that_refuses_its_text_after_a_round_is_a_value(model, concurrency):
    def task(text):
        yield [Read(row.input_ids, row.positions, Best()) for row in model.encode(text).rows]
        if "dog" in text:
            raise InputError("no dogs")
        return Result(text)

    texts = ["[MASK] cat", "[MASK] dog", "[MASK] mat"]
    first, error, last = run_tasks(model, map(task, texts), concurrency)
    assert (first.value, str(error), last.value) == (texts[0], "no dogs", texts[2])


def test_equal_reads_run_once(model, runs):
    texts = ["[MASK] cat", "[MASK] dog", "[MASK] cat", "[MASK] cat"] * 5
    outcomes = list(run_tasks(model, predictions(model, texts), Concurrency(8, 2)))
    assert sum(runs) == 2
    assert outcomes == [run_task(model, task) for task in predictions(model, texts)]


def test_nothing_is_read_before_the_first_result_is_wanted(model):
    for concurrency in (Concurrency(), Concurrency(2, 2)):
        run_tasks(model, (pytest.fail("a task was taken") for _ in "a"), concurrency)


def test_one_at_a_time_tasks_are_taken_as_their_results_are_wanted(model):
    taken = []
    results = run_tasks(model, (taken.append(1) or task for task in predictions(model, TEXTS)), Concurrency())
    for count in range(1, 5):
        next(results)
        assert len(taken) == count


@pytest.mark.parametrize(("batch_size", "window"), [(2, 64), (6, 6 * 2 * 8)])
def test_texts_are_read_two_windows_ahead_and_no_further(fill_mask, batch_size, window):
    read = []
    endless = (read.append(text) or text for text in itertools.cycle(TEXTS))
    outcomes = fill_mask.predict_many(endless, batch_size=batch_size, workers=2)
    assert read == []
    next(outcomes)
    assert len(read) == 2 * window
    outcomes.close()


def test_behind_a_none_no_task_is_taken_before_the_results_of_those_before_it(model):
    taken = []

    def tasks():
        for number, task in enumerate(predictions(model, TEXTS[:6])):
            if number in (0, 4):
                yield None
            taken.append(number)
            yield task

    windows = itertools.chain([1, 3, 2], itertools.repeat(9))  # a None where a window begins takes none of them
    outcomes = run_tasks(model, tasks(), Concurrency(2, 2), windows=windows)
    found = [(len(taken), outcome) for outcome in outcomes]
    assert [count for count, _ in found] == [4] * 4 + [6] * 2
    assert [outcome for _, outcome in found] == [run_task(model, task) for task in predictions(model, TEXTS[:6])]


@pytest.mark.parametrize("consumed", [0, 1, 40])
def test_an_iterator_that_is_closed_leaves_no_threads(fill_mask, consumed):
    outcomes = fill_mask.predict_many(TEXTS, batch_size=2, workers=3)
    for _ in range(consumed):
        next(outcomes)
    outcomes.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fillmask")]


def test_an_iterator_that_is_closed_runs_nothing_that_still_waits(native, monkeypatch):
    runs, logits = [], Model.logits

    def slow(self, rows):
        runs.append(len(rows))
        time.sleep(0.01)
        return logits(self, rows)

    monkeypatch.setattr(Model, "logits", slow)
    read = []
    texts = (f"[MASK] {first} {second}" for first in WORDS for second in WORDS)
    outcomes = native.predict_many((read.append(text) or text for text in texts), workers=2)
    next(outcomes)
    outcomes.close()
    assert 1 <= sum(runs) < len(read)


def test_an_iterator_that_is_read_to_its_end_leaves_no_threads(fill_mask):
    assert len(list(fill_mask.predict_many(TEXTS, batch_size=2, workers=3))) == len(TEXTS)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fillmask")]


def test_as_many_runs_as_workers_happen_at_the_same_time(native, monkeypatch):
    lock, running, most, logits = threading.Lock(), [], [], Model.logits

    def slow(self, rows):
        with lock:
            running.append(1)
            most.append(len(running))
        time.sleep(0.01)
        with lock:
            running.pop()
        return logits(self, rows)

    monkeypatch.setattr(Model, "logits", slow)
    list(native.predict_many([f"[MASK] {word}" for word in WORDS], batch_size=1, workers=3))
    assert max(most) == 3


def test_what_was_read_is_predicted_before_an_error_of_the_iterable_is_raised(fill_mask):
    def failing():
        yield from TEXTS[:40]
        raise ConnectionError("the source is gone")

    outcomes = fill_mask.predict_many(failing(), batch_size=4)
    assert [tokens(next(outcomes)) for _ in range(40)] == [tokens(fill_mask.predict(text)) for text in TEXTS[:40]]
    with pytest.raises(ConnectionError, match="the source is gone"):
        next(outcomes)


def test_what_ran_before_an_error_of_the_engine_itself_is_given_before_it_is_raised(fill_mask, monkeypatch):
    texts, logits = [f"[MASK] {word}" for word in WORDS], Model.logits
    expected = [tokens(fill_mask.predict(text)) for text in texts]

    def broken(self, rows):
        if len(rows) < 4:
            raise RuntimeError("no memory")
        return logits(self, rows)

    monkeypatch.setattr(Model, "logits", broken)
    outcomes = fill_mask.predict_many(texts, batch_size=4)
    assert [tokens(next(outcomes)) for _ in range(8)] == expected[:8]
    with pytest.raises(RuntimeError, match="no memory"):
        next(outcomes)


@pytest.mark.parametrize("concurrency", [Concurrency(1, 2), Concurrency(4), Concurrency(64, 2)], ids=str)
def test_a_row_that_fails_in_a_batch_ends_its_own_task_only(model, concurrency):
    rows = [row for word in WORDS for row in model.encode(f"[MASK] {word}").rows]
    best = [run_batch(model.logits, [Read(row.input_ids, row.positions, Best())])[0][0] for row in rows]
    refused = best[4]

    def task(word):
        (row,) = model.encode(f"[MASK] {word}").rows
        (found,) = yield [Read(row.input_ids, row.positions, Refusing(refused, InputError))]
        return Result(found)

    outcomes = list(run_tasks(model, map(task, WORDS), concurrency))
    for token, outcome in zip(best, outcomes, strict=True):
        if token == refused:
            assert isinstance(outcome, InputError)
            assert str(outcome) == f"token {refused} is refused"
        else:
            assert outcome == Result([token])


def test_a_batch_that_does_not_run_at_all_is_run_row_by_row(fill_mask, monkeypatch):
    logits = Model.logits

    def small(self, rows):
        if len(rows) > 1:
            raise FillMaskError("ONNX Runtime failed in a run: no memory")
        return logits(self, rows)

    monkeypatch.setattr(Model, "logits", small)
    texts = [f"[MASK] {word}" for word in WORDS]
    assert list(fill_mask.predict_many(texts, batch_size=4)) == [fill_mask.predict(text) for text in texts]


@pytest.mark.parametrize("concurrency", [{}, {"batch_size": 4}, {"batch_size": 4, "workers": 2}], ids=str)
def test_a_failed_run_that_is_no_fault_of_a_text_is_raised_at_its_place(native, monkeypatch, concurrency):
    (cat,) = native.model.encode("[MASK] cat").rows
    logits = Model.logits

    def broken(self, rows):
        if any(row.input_ids.tolist() == cat.input_ids.tolist() for row in rows):
            raise FillMaskError("ONNX Runtime failed in a run: the device is lost")
        return logits(self, rows)

    monkeypatch.setattr(Model, "logits", broken)
    outcomes = native.predict_many(["[MASK] dog", "no mask", "[MASK] mat", "[MASK] cat", "[MASK] red"], **concurrency)
    assert [type(next(outcomes)) for _ in range(3)] == [Results, NoMaskError, Results]
    with pytest.raises(FillMaskError, match="the device is lost"):
        next(outcomes)


def test_a_task_under_way_shows_what_it_waits_for_until_it_ends(model):
    run = TaskRun(continued(model, "[MASK] cat", 2))
    for _ in range(2):
        (read,) = run.reads
        assert run.outcome is None
        run.send(run_batch(model.logits, [read]))
    assert run.reads == []
    assert len(run.outcome.value) == 2


def test_a_task_under_way_ends_with_the_first_error_among_its_results(model):
    def task():
        yield [Read(row.input_ids, row.positions, Best()) for row in model.encode("[MASK]").rows * 3]

    first, second = InputError("first"), InputError("second")
    run = TaskRun(task())
    run.send([[1], first, second])
    assert (run.outcome, run.reads) == (first, [])


def test_a_task_that_cannot_start_is_over(model):
    (task,) = predictions(model, ["no mask"])
    run = TaskRun(task)
    assert isinstance(run.outcome, NoMaskError)
    assert run.reads == []


def test_in_a_fork_results_of_threads_that_are_gone_are_not_waited_for(native, monkeypatch):
    outcomes = native.predict_many(TEXTS, batch_size=2, workers=2)
    next(outcomes)

    def forked(_):
        if threading.current_thread() is threading.main_thread():  # the only one that a fork keeps
            raise ForkError("a fork")

    monkeypatch.setattr(Session, "check_process", forked)
    with pytest.raises(ForkError, match="a fork"):
        next(outcomes)
