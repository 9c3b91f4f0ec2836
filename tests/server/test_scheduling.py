"""Which text runs when, with an engine whose runs last as long as the test says."""

import asyncio
import threading
from time import monotonic
from types import SimpleNamespace

import numpy as np
import pytest

from fillmask import FillMaskError, NoMaskError
from fillmask.server.job import Expired, Job
from fillmask.server.request import Ask
from fillmask.server.scheduler import Scheduler

ASK = Ask(5, None, None)


class Engine:
    """An engine whose run of "wait" lasts until ``go`` is set, and whose other runs do what their texts say."""

    batches = False
    on_gpu = False
    company = 512

    def __init__(self):
        self.runs = []
        self.ran, self.go, self.began = [], threading.Event(), threading.Event()
        self.barrier = threading.Barrier(2)

    def ask(self, *_):
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


def scheduled(threads, scenario, *, batch=1):
    """Run a scenario, a coroutine function of ``(engine, submit)``, with a scheduler of so many threads."""
    engine = Engine()
    engine.batches = batch > 1
    model = SimpleNamespace(name="toy", engine=engine)

    async def run():
        loop = asyncio.get_running_loop()
        scheduler = Scheduler(threads, loop, batch=batch)

        def submit(text, *, ahead=10, within=60.0, ask=ASK, weight=10):
            job = Job(model, text, ask, monotonic() + within, weight, ahead, loop.create_future())
            scheduler.submit([job])
            return job.future

        try:
            await asyncio.wait_for(scenario(engine, submit), 20)
        finally:
            engine.go.set()
            assert scheduler.stop(10)
        return scheduler

    scheduler = asyncio.run(run())
    return engine, scheduler


def held(*texts, cancel=(), within=60.0):
    """The order in which texts of so many tokens run that arrive one by one while the only thread is busy."""

    async def scenario(engine, submit):
        submit("wait")
        await asyncio.to_thread(engine.began.wait)
        futures = {text: submit(text, ahead=ahead, within=within) for text, ahead in texts}
        for text in cancel:
            futures[text].cancel()
        engine.go.set()
        await asyncio.wait(futures.values())

    engine, _ = scheduled(1, scenario)
    return engine.ran[1:]


def test_texts_of_one_size_run_in_the_order_of_their_arrival():
    assert held(*[(str(number), 10) for number in range(20)]) == [str(number) for number in range(20)]


def test_a_short_text_overtakes_long_ones():
    assert held(("long 1", 500), ("long 2", 500), ("short", 10)) == ["short", "long 1", "long 2"]


def test_a_long_list_of_short_texts_lets_others_pass():
    assert held(*[(f"list {number}", 10 * number) for number in range(1, 33)], ("short", 10))[:3] == [
        "list 1", "short", "list 2",
    ]  # fmt: skip


def test_nothing_is_overtaken_for_longer_than_two_seconds():
    job = Job(None, "", ASK, 0, 9, 1_000_000, None, submitted=100)
    assert job.due == 102


def test_an_abandoned_text_never_runs():
    assert held(("a", 10), ("b", 10), ("c", 10), cancel=["b"]) == ["a", "c"]


def test_a_text_whose_deadline_passed_never_runs():
    assert held(("a", 10), ("b", 10), within=0) == []


def test_it_says_so():
    async def scenario(_, submit):
        with pytest.raises(Expired):
            await submit("a", within=-1)

    engine, scheduler = scheduled(1, scenario)
    assert engine.ran == []
    assert scheduler.started == 0


def test_as_many_texts_run_at_once_as_there_are_threads():
    async def scenario(_, submit):
        await asyncio.gather(submit("meet"), submit("meet"))

    _, scheduler = scheduled(2, scenario)
    assert scheduler.started == 2


def test_what_is_wrong_with_a_text_is_its_answer():
    async def scenario(_, submit):
        done = await submit("bad")
        assert isinstance(done.answer, NoMaskError)
        assert (await submit("good")).answer == [["good"]]

    scheduled(1, scenario)


@pytest.mark.parametrize("text", ["defect", "panic"])
def test_a_failed_run_leaves_the_thread_alive(text, caplog):
    async def scenario(_, submit):
        with pytest.raises(FillMaskError):
            await submit(text)
        assert (await submit("next")).answer == [["next"]]

    _, scheduler = scheduled(1, scenario)
    assert "a run failed" in caplog.text
    assert scheduler.longest_run == 0


def test_what_waits_at_the_end_never_runs_and_the_threads_end():
    async def scenario(engine, submit):
        submit("wait")
        await asyncio.to_thread(engine.began.wait)
        submit("never")

    engine, scheduler = scheduled(1, scenario)
    assert engine.ran == ["wait"]
    assert not scheduler.alive


def test_a_run_that_does_not_end_shows():
    async def scenario(engine, submit):
        future = submit("wait")
        await asyncio.to_thread(engine.began.wait)
        await asyncio.sleep(0.05)
        shown.append((scheduler_of(submit).longest_run, scheduler_of(submit).waiting))
        engine.go.set()
        await future

    shown = []
    scheduled(1, scenario)
    assert 0.05 <= shown[0][0] < 10
    assert shown[0][1] == 0


def scheduler_of(submit):
    """The scheduler that a scenario submits to."""
    return next(cell.cell_contents for cell in submit.__closure__ if isinstance(cell.cell_contents, Scheduler))


def together(*texts, threads=1, batch=16):
    """Which texts run together that wait while every thread is busy, each a text with what its job has besides."""

    async def scenario(engine, submit):
        submit("wait")
        await asyncio.to_thread(engine.began.wait)
        futures = [submit(text, **options) for text, options in texts]
        engine.go.set()
        await asyncio.wait(futures)

    engine, _ = scheduled(threads, scenario, batch=batch)
    return engine.runs[1:]


def test_texts_that_wait_run_together():
    assert together(*[(name, {}) for name in "abcdef"]) == [list("abcdef")]


def test_they_do_not_where_the_model_s_answers_would_change():
    assert together(*[(name, {}) for name in "abc"], batch=1) == [["a"], ["b"], ["c"]]


def test_only_texts_with_the_same_question_and_of_like_length_run_together():
    other = {"ask": Ask(1, None, None)}
    long = {"weight": 100}
    runs = together(("a", {}), ("b", other), ("c", long), ("d", {}), ("e", other), ("f", long))
    assert runs == [["a", "d"], ["b", "e"], ["c", "f"]]


def test_together_they_are_no_longer_than_one_long_text():
    runs = together(*[(str(number), {"weight": 100}) for number in range(12)])
    assert [len(run) for run in runs] == [5, 5, 2]


def test_a_text_that_cannot_be_answered_does_not_harm_its_company():
    assert together(("a", {}), ("bad", {}), ("c", {})) == [["a", "c"]]
