"""Tasks that run together: each as if it were alone, in order, with errors as values."""

import itertools
import re
import threading
import time
from dataclasses import dataclass, replace

import numpy as np
import pytest

from fillmask import FillMask
from fillmask.concurrency import GPU_BATCH_SIZE, Concurrency, choose_concurrency
from fillmask.errors import FillMaskError, ForkError, InputError, NoMaskError, TooLongError
from fillmask.executor import plan_reads, run_batch, run_isolated, run_task
from fillmask.invariance import Invariance
from fillmask.model import Model
from fillmask.notices import Notice
from fillmask.runtime.session import Session
from fillmask.task_stream import TaskRun, run_tasks
from fillmask.tasks import Read, Result
from fillmask.tasks.predict import TopK, predict, resolve
from tests.support import toys

TEXTS = [f"{'the cat ' * (index % 4)}[MASK]{' [MASK]' * (index % 3)} on" for index in range(150)]
WORDS = ["cat", "dog", "mat", "red", "blue", "paris", "london", "city", "capital", "france"]
MANY = [Concurrency(1, 2), Concurrency(4, 1), Concurrency(16, 2), Concurrency(1024, 3)]


@dataclass(frozen=True)
class Best:
    """Reads the best token of each row."""

    def __call__(self, logits):
        return logits.argmax(axis=-1).tolist()


@dataclass(frozen=True)
class Refusing:
    """Reads the best tokens, and raises where one of them is a certain one."""

    token: int
    error: type[Exception]

    def __call__(self, logits):
        best = logits.argmax(axis=-1).tolist()
        if self.token in best:
            raise self.error(f"token {self.token} is refused")
        return best


def continued(model, text, rounds):
    """A task of several rounds: each fills the first mask with its best token and reads what is left of the text."""
    (row,) = model.encode(text).rows
    ids, found = row.input_ids, []
    for _ in range(rounds):
        ((token,),) = yield [Read(ids, row.positions[:1], Best())]
        found.append(token)
        ids = ids.copy()
        ids[row.positions[0] + 1] = token
    return Result(found, (Notice(UserWarning, text),))


def tokens(masks):
    return [[(prediction.token, prediction.sequence) for prediction in mask] for mask in masks]


def predictions(model, texts, **arguments):
    """The tasks ``predict`` of some texts."""
    parameters = resolve(model, **arguments).value
    return (predict(model, text, parameters) for text in texts)


@pytest.fixture
def model(fill_mask):
    return fill_mask.model


@pytest.fixture
def runs(monkeypatch):
    """The sizes of the batches that the model runs."""
    sizes, logits = [], Model.logits

    def counted(self, rows):
        sizes.append(len(rows))
        return logits(self, rows)

    monkeypatch.setattr(Model, "logits", counted)
    return sizes


# How many run together


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "4", [4], 1025])
@pytest.mark.parametrize("name", ["batch_size", "workers"])
def test_a_number_out_of_its_range_is_refused_before_anything_is_read(fill_mask, name, value):
    message = f"{name} must be a whole number from 1 to 1024, got {value!r}"
    with pytest.raises(InputError, match=re.escape(message)):
        fill_mask.predict_many((pytest.fail("a text was read") for _ in "a"), **{name: value})
    with pytest.raises(InputError, match=re.escape(message)):
        Concurrency(**{name: value})


def test_on_a_gpu_rows_run_together_unless_that_changes_their_scores(model, monkeypatch):
    assert choose_concurrency(model) == Concurrency()
    monkeypatch.setattr(model.session, "on_gpu", True)
    assert choose_concurrency(model, workers=2) == Concurrency(GPU_BATCH_SIZE, 2)
    assert choose_concurrency(model, 8) == Concurrency(8)
    monkeypatch.setattr(Model, "invariance", Invariance(padded=False, equal_length=True))
    assert choose_concurrency(model) == Concurrency(1)


def test_a_device_limits_what_runs_together(model, monkeypatch):
    reads = [Read(np.zeros(500, dtype=np.int64), np.arange(1), Best())] * 40
    assert [len(batch) for batch in plan_reads(model, reads, 64)] == [8] * 5
    monkeypatch.setattr(model.session, "on_gpu", True)
    assert [len(batch) for batch in plan_reads(model, reads, 64)] == [40]


def test_texts_are_read_ahead_for_a_gpu_and_predicted_as_on_a_cpu(fill_mask, monkeypatch):
    alone = [fill_mask.predict(text) for text in TEXTS]
    monkeypatch.setattr(fill_mask.model.session, "on_gpu", True)
    read = []
    outcomes = fill_mask.predict_many(read.append(text) or text for text in TEXTS)
    first = next(outcomes)
    assert len(read) > 1
    assert [first, *outcomes] == alone


def with_entry(folder, **entry):
    """A native folder whose manifest vouches for fp32 in this way."""
    variants = toys.variants(folder)
    variants["fp32"] |= entry
    toys.write_manifest(folder, variants=variants)
    return FillMask(folder, variant="fp32", threads=1)


def test_a_variant_whose_texts_would_change_each_other_runs_them_one_by_one_only(native_copy):
    fill_mask = with_entry(native_copy, batch_invariant=False)
    with pytest.raises(InputError, match=r"variant fp32 of .* is not batch-invariant.* batch_size=1"):
        fill_mask.predict_many(TEXTS, batch_size=2)
    assert len(list(fill_mask.predict_many(TEXTS, workers=2))) == len(TEXTS)


def test_a_variant_that_only_padding_disturbs_runs_rows_of_equal_length_together(native_copy, runs, monkeypatch):
    fill_mask = with_entry(native_copy, batch_invariant=False, equal_length_invariant=True)
    expected = [fill_mask.predict(text) for text in TEXTS]
    shapes, run = [], Session.run

    def seen(session, input_ids, attention_mask, positions):
        shapes.append((input_ids.shape[0], bool(attention_mask.all())))
        return run(session, input_ids, attention_mask, positions)

    monkeypatch.setattr(Session, "run", seen)
    runs.clear()
    texts = [f"{text} {word}" for text in TEXTS[:8] for word in WORDS]
    assert list(fill_mask.predict_many(TEXTS, batch_size=16)) == expected
    assert len(list(fill_mask.predict_many(texts, batch_size=16))) == len(texts)
    assert max(size for size, _ in shapes) > 1
    assert all(whole for _, whole in shapes)


# Order and results


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


# Tasks of several rounds


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


# Equal reads


def test_equal_reads_run_once(model, runs):
    texts = ["[MASK] cat", "[MASK] dog", "[MASK] cat", "[MASK] cat"] * 5
    outcomes = list(run_tasks(model, predictions(model, texts), Concurrency(8, 2)))
    assert sum(runs) == 2
    assert outcomes == [run_task(model, task) for task in predictions(model, texts)]


def test_equal_rows_that_are_read_in_another_way_run_by_themselves(model, runs):
    (row,) = model.encode("[MASK] cat").rows

    def task(reading):
        (result,) = yield [Read(row.input_ids, row.positions, reading)]
        return Result(result)

    readings = [TopK(1, None), TopK(2, None), TopK(1, None)]
    results = [each.value for each in run_tasks(model, map(task, readings), Concurrency(8))]
    assert [len(mask) for (mask,) in results] == [1, 2, 1]
    assert sum(runs) == 2


# Laziness


def test_nothing_is_read_before_the_first_result_is_wanted(model):
    for concurrency in (Concurrency(), Concurrency(2, 2)):
        run_tasks(model, (pytest.fail("a task was taken") for _ in "a"), concurrency)


def test_one_at_a_time_tasks_are_taken_as_their_results_are_wanted(model):
    taken = []
    results = run_tasks(model, (taken.append(1) or task for task in predictions(model, TEXTS)), Concurrency())
    for count in range(1, 5):
        next(results)
        assert len(taken) == count


def test_texts_are_read_two_windows_ahead_and_no_further(fill_mask):
    read = []
    endless = (read.append(text) or text for text in itertools.cycle(TEXTS))
    outcomes = fill_mask.predict_many(endless, batch_size=2, workers=2)
    assert read == []
    next(outcomes)
    assert len(read) == 2 * (2 * 2 * 8)
    outcomes.close()


@pytest.mark.parametrize("consumed", [0, 1, 40])
def test_an_iterator_that_is_closed_leaves_no_threads(fill_mask, consumed):
    outcomes = fill_mask.predict_many(TEXTS, batch_size=2, workers=3)
    for _ in range(consumed):
        next(outcomes)
    outcomes.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fillmask")]


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


# Errors


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


def test_a_run_that_fails_is_repeated_row_by_row(model, runs):
    reads = [
        Read(row.input_ids, row.positions, Best()) for word in WORDS[:4] for row in model.encode(f"[MASK] {word}").rows
    ]
    expected = run_batch(model.logits, reads)
    bad = replace(reads[2], reading=Refusing(expected[2][0], FillMaskError))
    runs.clear()
    found = run_isolated(model.logits, [*reads[:2], bad, reads[3]])
    assert runs == [4, 1, 1, 1, 1]
    assert [found[0], found[1], found[3]] == [expected[0], expected[1], expected[3]]
    assert isinstance(found[2], FillMaskError)


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
    assert [type(next(outcomes)) for _ in range(3)] == [list, NoMaskError, list]
    with pytest.raises(FillMaskError, match="the device is lost"):
        next(outcomes)


def test_an_error_that_is_no_fault_of_a_text_is_raised_by_a_task_alone(model, monkeypatch):
    def broken(*_):
        raise FillMaskError("ONNX Runtime failed in a run: no memory")

    monkeypatch.setattr(Model, "logits", broken)
    (task,) = predictions(model, ["[MASK]"])
    with pytest.raises(FillMaskError, match="no memory"):
        run_task(model, task)


# A task under way


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


# Forks; test_pipeline_forks.py forks for real


def test_in_a_fork_results_of_threads_that_are_gone_are_not_waited_for(native, monkeypatch):
    outcomes = native.predict_many(TEXTS, batch_size=2, workers=2)
    next(outcomes)

    def forked(_):
        raise ForkError("a fork")

    monkeypatch.setattr(Session, "check_process", forked)
    with pytest.raises(ForkError, match="a fork"):
        list(outcomes)
