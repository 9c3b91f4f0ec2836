"""Which text runs when, with a model whose runs last as long as the test sets."""

import asyncio
import threading
from time import monotonic
from types import SimpleNamespace

import numpy as np
import pytest

from fillmask import FillMaskError, NoMaskError
from fillmask.server.job import Expired, Job
from fillmask.server.request import RequestParameters
from fillmask.server.scheduler import Scheduler

PARAMETERS = RequestParameters(5, None, None)


class Model:
    """A model whose run of "wait" lasts until ``go`` is set; the text of each other run selects what it does."""

    batch_invariant = False
    on_gpu = False
    max_batch_tokens = 512

    def __init__(self):
        self.runs = []
        self.ran, self.go, self.began = [], threading.Event(), threading.Event()
        self.barrier = threading.Barrier(2)

    def check_parameters(self, _):
        return None

    def encode(self, text, _):
        if text == "bad":
            raise NoMaskError("no mask")
        return [SimpleNamespace(text=text, input_ids=np.zeros(len(text)))]

    def run(self, rows, _, most):
        texts = [row.text for row in rows]
        self.runs.append(texts)
        assert len(texts) <= most
        return [self.predict(text) for text in texts], 0.0

    def predict(self, text):
        self.ran.append(text)
        if text == "wait":
            self.began.set()
            assert self.go.wait(10)
        elif text == "meet":
            self.barrier.wait(10)
        elif text == "defect":
            raise ZeroDivisionError
        elif text == "panic":
            raise KeyboardInterrupt
        return [[text]]


def scheduled(threads, scenario, *, max_batch=1):
    """Run a scenario, a coroutine function of ``(model, submit)``, with a scheduler of so many threads."""
    model = Model()
    model.batch_invariant = max_batch > 1

    async def run():
        loop = asyncio.get_running_loop()
        scheduler = Scheduler(threads, loop, max_batch=max_batch)

        def submit(text, *, tokens_before=10, within=60.0, parameters=PARAMETERS, weight=10):
            job = Job(model, text, parameters, monotonic() + within, weight, tokens_before, loop.create_future())
            scheduler.submit([job])
            return job.future

        try:
            await asyncio.wait_for(scenario(model, submit), 20)
        finally:
            model.go.set()
            assert scheduler.stop(10)
        return scheduler

    scheduler = asyncio.run(run())
    return model, scheduler


def held(*texts, cancel=(), within=60.0):
    """The order in which texts of so many tokens run that arrive one by one while the only thread is busy."""

    async def scenario(model, submit):
        submit("wait")
        await asyncio.to_thread(model.began.wait)
        futures = {text: submit(text, tokens_before=tokens, within=within) for text, tokens in texts}
        for text in cancel:
            futures[text].cancel()
        model.go.set()
        await asyncio.wait(futures.values())

    model, _ = scheduled(1, scenario)
    return model.ran[1:]


def test_texts_of_one_size_run_in_the_order_of_their_arrival():
    assert held(*[(str(number), 10) for number in range(20)]) == [str(number) for number in range(20)]


def test_a_short_text_overtakes_long_ones():
    assert held(("long 1", 500), ("long 2", 500), ("short", 10)) == ["short", "long 1", "long 2"]


def test_a_long_list_of_short_texts_lets_others_pass():
    assert held(*[(f"list {number}", 10 * number) for number in range(1, 33)], ("short", 10))[:3] == [
        "list 1", "short", "list 2",
    ]  # fmt: skip


def test_nothing_is_overtaken_for_longer_than_two_seconds():
    job = Job(None, "", PARAMETERS, 0, 9, 1_000_000, None, submitted=100)
    assert job.due == 102


def test_a_cancelled_text_never_runs():
    assert held(("a", 10), ("b", 10), ("c", 10), cancel=["b"]) == ["a", "c"]


def test_a_text_whose_deadline_passed_never_runs():
    assert held(("a", 10), ("b", 10), within=0) == []


def test_its_future_expires():
    async def scenario(_, submit):
        with pytest.raises(Expired):
            await submit("a", within=-1)

    model, scheduler = scheduled(1, scenario)
    assert model.ran == []
    assert scheduler.started == 0


def test_as_many_texts_run_at_once_as_there_are_threads():
    async def scenario(_, submit):
        await asyncio.gather(submit("meet"), submit("meet"))

    _, scheduler = scheduled(2, scenario)
    assert scheduler.started == 2


def test_an_input_error_is_the_result_of_its_text():
    async def scenario(_, submit):
        done = await submit("bad")
        assert isinstance(done.result, NoMaskError)
        assert (await submit("good")).result == [["good"]]

    scheduled(1, scenario)


@pytest.mark.parametrize("text", ["defect", "panic"])
def test_a_failed_run_leaves_the_thread_alive(text, caplog):
    async def scenario(_, submit):
        with pytest.raises(FillMaskError):
            await submit(text)
        assert (await submit("next")).result == [["next"]]

    _, scheduler = scheduled(1, scenario)
    assert "a run failed" in caplog.text
    assert scheduler.longest_run == 0


def test_what_waits_at_the_end_never_runs_and_the_threads_end():
    async def scenario(model, submit):
        submit("wait")
        await asyncio.to_thread(model.began.wait)
        submit("never")

    model, scheduler = scheduled(1, scenario)
    assert model.ran == ["wait"]
    assert not scheduler.alive


def test_a_run_that_does_not_end_shows():
    async def scenario(model, submit):
        future = submit("wait")
        await asyncio.to_thread(model.began.wait)
        await asyncio.sleep(0.05)
        shown.append((scheduler_of(submit).longest_run, scheduler_of(submit).waiting))
        model.go.set()
        await future

    shown = []
    scheduled(1, scenario)
    assert 0.05 <= shown[0][0] < 10
    assert shown[0][1] == 0


def scheduler_of(submit):
    """The scheduler that a scenario submits to."""
    return next(cell.cell_contents for cell in submit.__closure__ if isinstance(cell.cell_contents, Scheduler))


def together(*texts, threads=1, max_batch=16):
    """Which texts run together that wait while every thread is busy, each a text with what its job has besides."""

    async def scenario(model, submit):
        submit("wait")
        await asyncio.to_thread(model.began.wait)
        futures = [submit(text, **options) for text, options in texts]
        model.go.set()
        await asyncio.wait(futures)

    model, _ = scheduled(threads, scenario, max_batch=max_batch)
    return model.runs[1:]


def test_texts_that_wait_run_together():
    assert together(*[(name, {}) for name in "abcdef"]) == [list("abcdef")]


def test_they_do_not_if_the_model_is_not_batch_invariant():
    assert together(*[(name, {}) for name in "abc"], max_batch=1) == [["a"], ["b"], ["c"]]


def test_only_texts_with_equal_parameters_and_of_similar_length_run_together():
    other = {"parameters": RequestParameters(1, None, None)}
    long = {"weight": 100}
    runs = together(("a", {}), ("b", other), ("c", long), ("d", {}), ("e", other), ("f", long))
    assert runs == [["a", "d"], ["b", "e"], ["c", "f"]]


def test_together_they_are_no_longer_than_one_long_text():
    runs = together(*[(str(number), {"weight": 100}) for number in range(12)])
    assert [len(run) for run in runs] == [5, 5, 2]


def test_an_invalid_text_does_not_harm_the_rest_of_its_batch():
    assert together(("a", {}), ("bad", {}), ("c", {})) == [["a", "c"]]
