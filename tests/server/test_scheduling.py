"""Which text runs when, with a model whose runs last as long as the test sets."""

import asyncio
import gc
import threading
import weakref
from functools import partial
from time import monotonic
from types import SimpleNamespace

import numpy as np
import pytest

from fillmask import FillMaskError, NoMaskError, TextError
from fillmask.batching import ANY_LENGTH
from fillmask.server.job import Expired, Job
from fillmask.server.scheduler import Scheduler
from fillmask.tasks import Read, Result


class Model:
    """A model whose run of "wait" lasts until ``go`` is set, and that of "hold" until ``release`` is.

    The text of each other run selects what it does.
    """

    max_batch_tokens, max_padding = 512, 8
    session = SimpleNamespace(on_gpu=False)

    def __init__(self, *, equal_length=False, padded=False):
        self.model = self  # a served model and its engine model in one
        self.batch_invariant, self.equal_length_invariant = padded, equal_length
        self.padded_below = ANY_LENGTH if padded else 0
        self.runs, self.threads = [], []
        self.ran, self.go, self.began = [], threading.Event(), threading.Event()
        self.held, self.release = threading.Event(), threading.Event()
        self.barrier = threading.Barrier(2)

    def logits(self, reads):
        texts = ["".join(map(chr, read.input_ids)) for read in reads]
        self.runs.append(texts)
        self.threads.append(threading.current_thread().name)
        for text in texts:
            self.run(text)
        return np.zeros((len(reads), 1, 1), dtype=np.float32)

    def run(self, text):
        self.ran.append(text)
        if text == "wait":
            self.began.set()
            assert self.go.wait(10)
        elif text == "hold":
            self.held.set()
            assert self.release.wait(10)
        elif text.startswith("meet"):
            self.barrier.wait(10)
        elif text == "defect":
            raise ZeroDivisionError
        elif text == "panic":
            raise KeyboardInterrupt
        elif text == "fails":
            raise FillMaskError("the run fails")


def task(text, rounds=1):
    """A task that reads its text once a round; that of "idle" reads nothing in a round before."""
    if text == "bad":
        raise NoMaskError("no mask")
    if text == "idle":
        assert (yield []) == []
    read = Read(np.array([*map(ord, text)], dtype=np.int64), np.zeros(1, dtype=np.int64), len)
    for _ in range(rounds):
        assert (yield [read]) == [1]
    return Result([[text]])


def own_task(texts):
    """A task whose reads run beside no other task's, each in a batch of its own."""
    results = yield [
        Read(np.array([*map(ord, text)], dtype=np.int64), np.zeros(1, dtype=np.int64), partial(first, text), alone=True)
        for text in texts.split("+")
    ]
    return Result(results)


def first(value, _):
    return value


def scheduled(threads, scenario, *, max_batch=1, padded=True):
    """Run a scenario, a coroutine function of ``(model, submit)``, with a scheduler of so many threads."""
    model = Model(equal_length=max_batch > 1, padded=padded and max_batch > 1)

    async def run():
        loop = asyncio.get_running_loop()
        scheduler = Scheduler(threads, loop, max_batch=max_batch)

        def submit(text, *, tokens_before=10, within=60.0, rounds=1, weight=10, extra=0, bulk=False, **limits):
            start = partial(task, text, rounds) if "+" not in text else partial(own_task, text)
            job = Job(model, start, monotonic() + within, weight, tokens_before, loop.create_future())
            job.extra, job.bulk = extra, bulk
            job.most_small, job.most_rows = limits.get("most_small", 10**9), limits.get("most_rows", 10**9)
            scheduler.submit([job])
            return job.future

        try:
            await asyncio.wait_for(scenario(model, submit), 20)
        finally:
            model.go.set()
            model.release.set()
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


@pytest.mark.parametrize(
    ("tokens", "deadline", "due"),
    [(100, 110, 100.4), (10**6, 110, 105), (10**6, 160, 105), (10**6, 102, 101), (9, 99, 100)],
)
def test_a_text_is_overtaken_for_5_seconds_or_half_of_its_time_at_most(tokens, deadline, due):
    assert Job(None, task, deadline, 9, tokens, None, submitted=100).due == pytest.approx(due)


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
        assert isinstance(done.value, NoMaskError)
        assert (await submit("good")).value == [["good"]]

    scheduled(1, scenario)


@pytest.mark.parametrize("text", ["defect", "panic"])
def test_a_failed_run_leaves_the_thread_alive(text, caplog):
    async def scenario(_, submit):
        with pytest.raises(FillMaskError):
            await submit(text)
        assert (await submit("next")).value == [["next"]]

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


def together(*texts, threads=1, max_batch=16, padded=True):
    """Which texts run together that wait while every thread is busy, each a text with what its job has besides."""

    async def scenario(model, submit):
        submit("wait")
        await asyncio.to_thread(model.began.wait)
        futures = [submit(text, **options) for text, options in texts]
        model.go.set()
        await asyncio.wait(futures)

    model, _ = scheduled(threads, scenario, max_batch=max_batch, padded=padded)
    return model.runs[1:]


def test_texts_that_wait_run_together():
    assert together(*[(name, {}) for name in "abcdef"]) == [list("abcdef")]


def test_they_do_not_if_the_model_is_not_batch_invariant():
    assert together(*[(name, {}) for name in "abc"], max_batch=1) == [["a"], ["b"], ["c"]]


def test_where_padding_changes_scores_texts_of_equal_length_run_together():
    texts = [(name, {}) for name in ("a", "bb", "c", "ddd", "ee", "f", "ggg")]
    assert together(*texts, padded=False) == [["a", "c", "f"], ["bb", "ee"], ["ddd", "ggg"]]


def test_texts_that_leave_such_a_run_keep_their_place_and_find_their_like():
    texts = [("a", {}), *[(name, {"tokens_before": 20}) for name in ("bb", "cc")], ("later", {"tokens_before": 400})]
    assert together(*texts, ("dd", {"weight": 2, "tokens_before": 500}), padded=False) == [
        ["a"],
        ["bb", "cc", "dd"],
        ["later"],
    ]


def test_texts_that_leave_such_a_run_do_not_fail_with_it():
    assert together(("panic", {}), ("bb", {}), padded=False) == [["panic"], ["bb"]]


@pytest.mark.parametrize("padded", [False, True])
def test_a_task_may_read_nothing_in_a_round(padded):
    runs = together(("a", {}), ("idle", {}), ("c", {}), ("idle", {}), padded=padded)
    assert runs == [["a", "c"], ["idle"]]  # equal reads run once
    assert sorted(together(("idle", {}), ("a", {}), padded=padded)) == [["a"], ["idle"]]


def test_a_defect_of_a_choice_of_jobs_fails_them_and_leaves_the_thread_alive(monkeypatch, caplog):
    async def scenario(_, submit):
        with monkeypatch.context() as context:
            context.setattr("fillmask.server.worker._leaves", lambda *_: 1 // 0)
            with pytest.raises(FillMaskError, match="ZeroDivisionError in a run"):
                await submit("first")
        assert (await submit("next")).value == [["next"]]

    scheduled(1, scenario)
    assert "a run failed" in caplog.text


def test_only_texts_of_similar_length_run_together():
    long = {"weight": 100}
    assert together(("a", {}), ("c", long), ("d", {}), ("f", long)) == [["a", "d"], ["c", "f"]]


def test_padding_costs_less_than_a_run():
    weights = {"a": 100, "b": 109, "c": 108, "d": 92}
    assert together(*[(name, {"weight": weight}) for name, weight in weights.items()]) == [["a", "c", "d"], ["b"]]


def test_of_similar_texts_the_most_similar_run_together():
    long = {"weight": 18}
    runs = together(("a", {}), ("b", long), ("c", {}), ("d", long), max_batch=2)
    assert runs == [["a", "c"], ["b", "d"]]


def test_together_they_are_no_longer_than_one_long_text():
    runs = together(*[(str(number), {"weight": 100}) for number in range(12)])
    assert [len(run) for run in runs] == [5, 5, 2]


def test_together_they_make_no_more_predictions_than_take_as_long():
    many = {"weight": 20, "extra": 180}
    assert together(("a", many), ("b", many), ("c", many), ("d", {"weight": 12})) == [["a", "b", "d"], ["c"]]
    assert together(("a", {"extra": 9000}), ("b", {})) == [["a"], ["b"]]


def test_a_short_text_does_not_wait_for_a_run_of_bulk():
    async def scenario(model, submit):
        bulk = submit("wait", bulk=True)
        await asyncio.to_thread(model.began.wait)
        assert (await submit("short")).value == [["short"]]
        assert not bulk.done()

    scheduled(1, scenario)


def test_bulk_runs_in_the_order_of_its_due_times():
    async def scenario(model, submit):
        submit("wait", bulk=True)
        await asyncio.to_thread(model.began.wait)
        futures = [submit(text, bulk=True, tokens_before=tokens) for text, tokens in (("long", 400), ("list", 20))]
        model.go.set()
        await asyncio.wait(futures)

    model, _ = scheduled(1, scenario)
    assert model.ran == ["wait", "list", "long"]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_while_short_texts_come_bulk_leaves_a_cpu_to_them(threads, monkeypatch):
    async def scenario(model, submit):
        await submit("short")
        for _ in range(threads):
            submit("wait", bulk=True)
        await asyncio.to_thread(model.began.wait)
        await submit("short")  # bulk that may run has had a round of the threads to begin
        began.append(model.ran.count("wait"))

    began = []
    monkeypatch.setattr("fillmask.server.scheduler._LEAVES_CPU_S", 600)
    scheduled(threads, scenario)
    assert began[0] <= max(1, threads - 1)


@pytest.mark.parametrize(("pause", "goes_on"), [(3600, False), (0, True)])
def test_while_a_short_text_waits_bulk_pauses_between_runs(pause, goes_on, monkeypatch):
    monkeypatch.setattr("fillmask.server.scheduler._BULK_PAUSE_S", pause)

    async def scenario(model, submit):
        submit("wait")
        await asyncio.to_thread(model.began.wait)
        waiting = submit("short")
        await submit("first bulk", bulk=True)
        second = submit("second bulk", bulk=True)
        done, _ = await asyncio.wait([second], timeout=None if goes_on else 0.3)
        assert bool(done) == goes_on
        assert not waiting.done()
        model.go.set()
        await asyncio.gather(waiting, second)

    model, _ = scheduled(1, scenario)
    assert sorted(model.ran) == ["first bulk", "second bulk", "short", "wait"]


def test_without_short_texts_bulk_has_all_cpus(monkeypatch):
    async def scenario(_, submit):
        await submit("short")
        await asyncio.gather(submit("meet", bulk=True), submit("meet", bulk=True))

    monkeypatch.setattr("fillmask.server.scheduler._LEAVES_CPU_S", 0.01)
    scheduled(2, scenario)


def test_an_invalid_text_does_not_harm_the_rest_of_its_batch():
    assert together(("a", {}), ("bad", {}), ("c", {})) == [["a", "c"]]


def test_a_text_whose_run_fails_does_not_harm_the_rest_of_its_batch():
    async def scenario(model, submit):
        submit("wait")
        await asyncio.to_thread(model.began.wait)
        futures = [submit(text) for text in ("after", "fails", "other")]
        model.go.set()
        done = await asyncio.gather(*futures, return_exceptions=True)
        assert [getattr(each, "value", None) for each in done] == [[["after"]], None, [["other"]]]
        assert str(done[1]) == "the run fails"

    scheduled(1, scenario, max_batch=16)


def test_a_task_of_several_rounds_enters_the_queue_again_with_its_first_due_time():
    async def scenario(model, submit):
        submit("wait")
        await asyncio.to_thread(model.began.wait)
        futures = [submit("twice", rounds=2), submit("later"), submit("long", tokens_before=400)]
        model.go.set()
        done = await asyncio.gather(*futures)
        assert [each.value for each in done] == [[["twice"]], [["later"]], [["long"]]]
        assert [each.tokens for each in done] == [10, 5, 4]

    model, scheduler = scheduled(1, scenario)
    assert model.ran == ["wait", "twice", "twice", "later", "long"]
    assert (scheduler.started, scheduler.runs) == (4, 5)


def test_rounds_of_several_tasks_share_runs():
    runs = together(*[(name, {"rounds": 2}) for name in "abc"])
    assert runs == [list("abc"), list("abc")]


def test_a_task_of_several_rounds_expires_between_them():
    async def scenario(model, submit):
        future = submit("again", rounds=10**9, within=0.2)
        with pytest.raises(Expired):
            await future

    scheduled(1, scenario)


def test_idle_threads_run_batches_of_a_large_request():
    async def scenario(_, submit):
        done = await submit("meet+meet2+last", bulk=True)
        assert done.value == ["meet", "meet2", "last"]
        assert done.tokens == 13
        assert done.run > 0

    _, scheduler = scheduled(2, scenario)
    assert (scheduler.started, scheduler.longest_run) == (1, 0)


def test_a_short_request_leaves_the_other_threads_to_the_next_text():
    async def scenario(model, submit):
        ours = submit("hold+second")
        await asyncio.to_thread(model.held.wait)
        await submit("short")
        await asyncio.sleep(0.05)
        assert model.ran == ["hold", "short"]
        model.release.set()
        assert (await ours).value == ["hold", "second"]

    scheduled(2, scenario)


async def hold_and_wait(model, submit, batches, **options):
    """Occupy two threads: one with a text, one with the first of some batches; then free the other thread."""
    submit("wait", bulk=True)
    await asyncio.to_thread(model.began.wait)
    future = submit(batches, bulk=True, **options)
    await asyncio.to_thread(model.held.wait)
    return future


def test_a_thread_assists_only_where_no_other_job_waits():
    async def scenario(model, submit):
        ours = await hold_and_wait(model, submit, "hold+second")
        other = submit("other", bulk=True, tokens_before=400)
        model.go.set()
        await other
        while len(model.ran) < 4:
            await asyncio.sleep(0.001)
        model.release.set()
        assert (await ours).value == ["hold", "second"]

    model, _ = scheduled(2, scenario)
    assert model.ran == ["wait", "hold", "other", "second"]


def test_while_short_texts_come_no_thread_assists(monkeypatch):
    monkeypatch.setattr("fillmask.server.scheduler._LEAVES_CPU_S", 600)

    async def scenario(model, submit):
        await submit("short")
        ours = submit("hold+second", bulk=True)
        await asyncio.to_thread(model.held.wait)
        await asyncio.sleep(0.05)
        assert model.ran == ["short", "hold"]
        model.release.set()
        await ours

    scheduled(2, scenario)


@pytest.mark.parametrize("within", [60.0, 0.2])
def test_a_request_that_was_cancelled_or_expired_is_not_assisted(within):
    async def scenario(model, submit):
        ours = await hold_and_wait(model, submit, "hold+second", within=within)
        if within == 60:
            ours.cancel()
        else:
            await asyncio.sleep(within)
        model.go.set()
        await submit("next", bulk=True)
        await asyncio.sleep(0.05)
        model.release.set()
        if within != 60:
            with pytest.raises(Expired):
                await ours

    model, _ = scheduled(2, scenario)
    assert model.ran == ["wait", "hold", "next"]


@pytest.mark.parametrize(("text", "message"), [("defect", "ZeroDivisionError in a run"), ("fails", "the run fails")])
def test_an_error_in_another_thread_ends_the_task(text, message, caplog):
    async def scenario(model, submit):
        ours = await hold_and_wait(model, submit, f"hold+{text}")
        model.go.set()
        while text not in model.ran:
            await asyncio.sleep(0.001)
        model.release.set()
        with pytest.raises(FillMaskError, match=message):
            await ours
        assert (await submit("next", bulk=True)).value == [["next"]]

    scheduled(2, scenario)
    assert "a run failed" in caplog.text


def test_a_text_with_more_tokens_than_its_length_let_expect_is_bulk():
    async def scenario(_, submit):
        assert (await submit("as+expected", most_small=10)).value == ["as", "expected"]
        assert (await submit("more+than+expected", most_small=10)).value == ["more", "than", "expected"]

    model, scheduler = scheduled(1, scenario)
    assert model.threads == ["fillmask-short-0"] * 2 + ["fillmask-bulk-0"] * 3
    assert scheduler.started == 2


def test_a_text_with_more_rows_than_allowed_ends_in_an_error():
    async def scenario(_, submit):
        refused = [await submit("a+b+c", most_rows=2), await submit("again", rounds=4, most_rows=3)]
        for each in refused:
            assert isinstance(each.value, TextError)
            assert "rows, and this one needs more; send a shorter text or" in str(each.value)
        assert (await submit("a+b", most_rows=2)).value == ["a", "b"]

    model, _ = scheduled(1, scenario)
    assert model.ran == ["again"] * 3 + ["a", "b"]


def test_cancelled_texts_leave_the_queue_wherever_they_are():
    """They hold the texts of their requests."""

    async def scenario(model, submit):
        submit("wait")
        await asyncio.to_thread(model.began.wait)
        futures = [submit(str(number)) for number in range(99)]
        for future in futures[9:]:
            future.cancel()
            scheduler_of(submit).drop_cancelled()
        assert 9 <= scheduler_of(submit).waiting <= 9 * 4 / 3 + 1
        model.go.set()
        await asyncio.wait(futures[:9])

    model, _ = scheduled(1, scenario)
    assert model.ran == ["wait", *map(str, range(9))]


def test_an_error_of_one_text_fails_no_other_of_its_turn():
    async def scenario(model, submit):
        submit("wait")
        await asyncio.to_thread(model.began.wait)
        futures = [submit("good+one"), submit("defect+two"), submit("last+one")]
        model.go.set()
        done = await asyncio.gather(*futures, return_exceptions=True)
        assert [getattr(each, "value", None) for each in done] == [["good", "one"], None, ["last", "one"]]
        assert str(done[1]) == "ZeroDivisionError in a run"

    scheduled(1, scenario, max_batch=16)


class Text(str):
    """A text that a weak reference can watch."""


def test_an_idle_thread_keeps_nothing_of_its_last_run():
    """A job holds the text of its request, and its result."""

    async def scenario(_, submit):
        kept = [weakref.ref(text) for text in (Text("a"), Text("b")) if await submit(text, bulk=text == "b")]
        while any(each() is not None for each in kept):  # the thread may not wait yet
            await asyncio.sleep(0.01)
            gc.collect()

    scheduled(1, scenario)


def test_a_request_that_ended_is_not_kept_behind_one_that_goes_on(monkeypatch):
    """It would keep its text and its result."""
    monkeypatch.setattr("fillmask.server.scheduler._LEAVES_CPU_S", 600)

    async def scenario(model, submit):
        await submit("short")  # so that no thread assists
        long = submit("hold+behind", bulk=True)
        await asyncio.to_thread(model.held.wait)
        scheduler = scheduler_of(submit)
        scheduler._led.append(ended := SimpleNamespace(own=None))
        assert len(scheduler._led) == 2
        await submit("next")
        await asyncio.sleep(0.15)
        assert ended not in scheduler._led
        model.release.set()
        await long

    scheduled(2, scenario)
