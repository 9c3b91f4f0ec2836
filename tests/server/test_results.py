"""What a request may cost: counted after tokenizing, in bytes of its response, and off the event loop."""

import asyncio
import gc
import json
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from time import monotonic
from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import ValidationError
from starlette.datastructures import Headers

from fillmask import FillMask, FillMaskError, InputError
from fillmask.server.aside import Aside
from fillmask.server.classify_schema import ClassifyBody, ZeroShotBody
from fillmask.server.context import BODY_COMPLETE, CONTEXT, HOLD, RequestContext
from fillmask.server.http_errors import HttpError
from fillmask.server.infill_schema import InfillBody
from fillmask.server.json_limits import check_values
from fillmask.server.marginals_schema import MarginalsBody
from fillmask.server.rank_schema import RankBody
from fillmask.server.request import receive
from fillmask.server.result_limits import ResultLimits, check_expansion
from fillmask.server.schema import FillMaskBody, FillMaskParameters
from fillmask.server.score_schema import ScoreBody
from fillmask.server.settings import Settings
from fillmask.tasks import Read
from tests.support import serving
from tests.support.serving import TEXT

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*/model"))
LINES = {"accept": "application/x-ndjson"}


def reads(*masks):
    return [Read(np.zeros(9, dtype=np.int64), np.arange(count), len) for count in masks]


def test_masks_count_as_the_model_counts_them():
    limits = ResultLimits(Settings(max_masks=4, max_request_masks=6), 1, stream=False)
    limits.check("a", reads(2, 2))
    with pytest.raises(InputError, match="a text has at most 4 masks, got 5"):
        limits.check("a", reads(2, 3))
    with pytest.raises(InputError, match="a request has at most 6 masks, got 7"):
        limits.check("a", reads(3))


def test_the_lines_of_a_stream_have_no_limit_together():
    limits = ResultLimits(Settings(max_masks=4, max_request_masks=4, max_response_bytes=100), 1, stream=True)
    for _ in range(10):
        limits.check("a", reads(4))
        assert limits.encode([["x" * 30]] * 2) == [b'["%s"]' % (b"x" * 30)] * 2
    with pytest.raises(InputError, match="larger than 100 bytes"):
        limits.encode([["x" * 30]] * 4)


def test_predictions_that_would_be_too_large_do_not_run():
    limits = ResultLimits(Settings(max_response_bytes=1000), 100, stream=False)
    limits.check("a" * 9, reads(1))
    with pytest.raises(InputError, match="larger than 1000 bytes"):
        limits.check("a" * 11, reads(1))


@pytest.mark.parametrize("character", ["\ufdfa", "\u3300"])
def test_a_text_may_not_grow_without_limit(character):
    check_expansion(character * 1001, 100_000)
    with pytest.raises(InputError, match="at most 2000 characters after normalization"):
        check_expansion(character * 1001, 2000)


@pytest.mark.parametrize("path", GOLDEN, ids=[path.parent.name for path in GOLDEN])
def test_a_long_text_has_the_ids_that_the_tokenizer_gives_it(path):
    model = FillMask(path, threads=1).model
    encoder, tokenizer = model.encoder, model.tokenizer.tokenizer
    encoder._word_cache = None
    mask = model.tokenizer.mask_token
    for part in ("word ", "é🙂 ", "\u6587", "\ufdfa", "a\t\n", f"{mask} x ", "ﬁ"):
        text = part * (1200 // len(part) + 1)
        assert encoder.encode(text).tolist() == tokenizer.encode(text).ids


def test_a_text_that_grows_is_an_input_error(server):
    reply = server.ask("\ufdfa" * 19_000 + " [MASK]", path="/models/unigram")
    assert reply.status == 422
    assert reply.error.startswith("inputs: a text has at most 40000 characters after normalization")


# No mask is found before a text is tokenized.
UNSEEN_MASKS = """
import fillmask.slots as slots
slots.count_masks = lambda model, text: 0
"""


@pytest.fixture(scope="module")
def limited():
    with serving.serve("--max-response-bytes", "20000", prelude=UNSEEN_MASKS) as served:
        yield served


def test_masks_that_only_the_tokenizer_finds_are_limited(limited):
    reply = limited.ask("[MASK] " * 17)
    assert (reply.status, reply.error) == (422, "inputs: a text has at most 16 masks, got 17")
    reply = limited.ask(["[MASK] " * 13] * 5, top_k=1)
    assert reply.status == 422
    assert "a request has at most 64 masks, got 65" in reply.error


def test_a_response_is_limited_in_bytes(limited, alone):
    assert limited.ask(TEXT, top_k=100).json == alone(TEXT, top_k=100)
    reply = limited.ask([TEXT] * 5, top_k=100)
    assert reply.status == 422
    assert "the results are larger than 20000 bytes" in reply.error
    lines = limited.ask([TEXT] * 5 + ["word " * 100 + "[MASK]"], headers=LINES, top_k=100).body.splitlines()
    assert ["predictions" in json.loads(line) for line in lines] == [True] * 5 + [False]


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (b'{"inputs":[' + b"1," * 20_000 + b"1]}", 20_002),
        (b"[" * 15_000, 15_000),
        (b"{" * 15_000, 15_000),
        (b'"\\\\"' * 20_000, 20_000),
        (b'{"a":"' + b'\\"' * 20_000 + b'"}', None),
        (b'{"a":"' + b"[,{" * 20_000 + b'"}', None),
        (b'{"inputs":[' + b'"[MASK], \\\\\\"{",' * 10_000 + b'""]}', None),
        (b"x" * 100_000, None),
    ],
)
def test_the_values_of_a_body_are_counted_outside_its_strings(content, values):
    if values is None:
        return check_values(content, Settings())
    with pytest.raises(HttpError, match=f"at most 12256 JSON values, got {values}; send fewer") as caught:
        check_values(content, Settings())
    assert caught.value.status == 413


LISTS = {
    FillMaskBody: [{"targets": [1] * 9}],
    RankBody: [{"candidates": [1] * 9}],
    InfillBody: [],
    ScoreBody: [],
    MarginalsBody: [{"alphabet": [1] * 9}],
    ClassifyBody: [{"labels": [1] * 9}, {"labels": {"a": [1] * 9}}, {"labels": ["a"], "template": [1] * 9}],
    ZeroShotBody: [{"candidate_labels": [1] * 9}],
}


@pytest.mark.parametrize("kind", LISTS, ids=lambda kind: kind.__name__)
def test_an_error_in_a_list_ends_its_parsing(kind):
    bodies = [{"inputs": [1] * 9}, *({"inputs": "a", "parameters": parameters} for parameters in LISTS[kind])]
    for body in bodies:
        with pytest.raises(ValidationError) as caught:
            kind.model_validate_json(json.dumps(body))
        errors = [each for each in caught.value.errors() if each["type"] != "missing"]
        assert len(errors) <= 2, body  # one for each member of the union


def run_aside(aside, size, work, timeout=60.0):
    return aside.run(size, work, monotonic(), timeout)


def test_the_smallest_of_what_waits_runs_first_and_an_error_is_raised_where_it_is_awaited():
    async def scenario():
        aside, ran, began, go = Aside(), [], threading.Event(), threading.Event()
        run = partial(run_aside, aside)
        running = [asyncio.ensure_future(run(10_000, lambda: (began.set(), go.wait())))]
        await asyncio.to_thread(began.wait)
        for size in (900_000, 500_000, 3000):
            running.append(asyncio.ensure_future(run(size, partial(ran.append, size))))
        running.append(asyncio.ensure_future(run(2_000_000, partial(int, "x"))))
        dropped = asyncio.ensure_future(run(700_000, partial(ran.append, "dropped")))
        await asyncio.sleep(0)
        dropped.cancel()
        await asyncio.wait([dropped])
        go.set()
        found = await asyncio.gather(*running, return_exceptions=True)
        assert ran == [3000, 500_000, 900_000]
        assert isinstance(found[-1], ValueError)
        assert await run(10, threading.current_thread) is threading.current_thread()
        assert (await run(10_000, threading.current_thread)).name == "aside"

    asyncio.run(scenario())


def test_what_waits_aside_gets_504_at_its_deadline_and_never_runs():
    async def scenario():
        aside, ran, go = Aside(), [], threading.Event()
        slow = asyncio.ensure_future(run_aside(aside, 3000, go.wait))
        await asyncio.sleep(0.05)
        with pytest.raises(HttpError, match="no predictions within 10 ms") as caught:
            await run_aside(aside, 4000, partial(ran.append, "late"), 0.01)
        assert caught.value.status == 504
        go.set()
        await slow
        await run_aside(aside, 9000, partial(ran.append, "next"))
        assert ran == ["next"]

    asyncio.run(scenario())


def test_what_waits_aside_is_forgotten_when_nobody_waits_for_it():
    """It holds the body of its request, whose bytes are no longer counted."""

    async def scenario():
        aside, go, body = Aside(), threading.Event(), threading.Event()
        slow = asyncio.ensure_future(run_aside(aside, 3000, go.wait))
        await asyncio.sleep(0.05)
        kept = weakref.ref(body)
        with pytest.raises(HttpError):
            await run_aside(aside, 4000, partial(repr, body), 0.01)
        del body
        await asyncio.sleep(0)  # the event loop holds what it has just delivered
        gc.collect()  # of the error, which holds the frames that it passed
        assert kept() is None
        go.set()
        await slow

    asyncio.run(scenario())


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_the_deadline_of_a_request_counts_from_its_arrival_and_that_of_a_stream_from_each_text(accept):
    async def content():
        yield json.dumps({"inputs": ["a [MASK]" + " word" * 600]}).encode()

    async def scenario():
        headers = {"content-type": "application/json", "accept": accept, "x-request-timeout-ms": "2000"}
        arrived = RequestContext("id", "POST", "/", started=monotonic() - 3)
        scope = {BODY_COMPLETE: True, HOLD: SimpleNamespace(take=lambda _: True), CONTEXT: arrived}
        request = SimpleNamespace(headers=Headers(headers), scope=scope, stream=content)
        return await receive(request, Settings(), FillMaskBody, FillMaskParameters)

    if accept == "application/json":
        with pytest.raises(HttpError, match="no predictions within 2000 ms"):
            asyncio.run(scenario())
    else:
        assert asyncio.run(scenario()).stream


class Panic(BaseException):
    """As those of the tokenizers library."""


def test_a_panic_leaves_the_thread_aside_alive(caplog):
    def panic():
        raise Panic

    async def scenario():
        aside = Aside()
        with pytest.raises(FillMaskError, match="Panic in a request"):
            await run_aside(aside, 3000, panic)
        assert await run_aside(aside, 3000, partial(int, "1")) == 1

    asyncio.run(scenario())
    assert "a request could not be prepared" in caplog.text


def test_where_no_thread_can_start_the_next_request_tries_again(monkeypatch):
    async def scenario():
        aside = Aside()
        with monkeypatch.context() as context:
            context.setattr(threading.Thread, "start", lambda _: (_ for _ in ()).throw(RuntimeError("no thread")))
            with pytest.raises(RuntimeError, match="no thread"):
                await run_aside(aside, 3000, partial(int, "1"))
        assert await run_aside(aside, 3000, partial(int, "1")) == 1

    asyncio.run(scenario())


GUARDED = """
import threading
import fillmask.parameters as parameters
import fillmask.server.handler as handler
import fillmask.server.masked_reads as masked_reads
import fillmask.server.request as request
import fillmask.server.result_limits as result_limits
from fillmask.encoding import Encoder

def off_the_loop(owner, name):
    work = getattr(owner, name)
    def guarded(*arguments, **options):
        assert threading.current_thread() is not threading.main_thread(), name
        return work(*arguments, **options)
    setattr(owner, name, guarded)

def guard():
    for owner, names in {
        handler: ["_resolve", "stream_needs"],
        request: ["parse", "read_texts"],
        masked_reads: ["count_tokens", "check_reads"],
        result_limits: ["encode_json", "check_expansion"],
        Encoder: ["encode"],
    }.items():
        for name in names:
            off_the_loop(owner, name)
    handler.check_expansion = result_limits.check_expansion

import fillmask.server.lifecycle as lifecycle
build = lifecycle.build
def built(*arguments):
    guard()
    return build(*arguments)
lifecycle.build = built
"""


def test_nothing_that_grows_with_a_request_runs_on_the_event_loop():
    with serving.serve(prelude=GUARDED) as served:
        long = "word " * 400 + "[MASK]"
        assert served.ask([long] * 8, top_k=100, targets=["paris", "unbelievably"]).status == 200
        lines = served.ask([long] * 8 + ["[MASK]"] * 100, headers=LINES).body.splitlines()
        assert all("predictions" in json.loads(line) for line in lines)
        assert served.request("POST", "/score", {"inputs": "The dogs.", "options": {"x": "y" * 3000}}).status == 200
        assert served.ask("\u6587" * 1500 + " [MASK]").status == 422
        assert served.ask(TEXT).status == 500  # the guard works: a small request stays on the event loop
        serving.wait_for(lambda: any("Traceback" in line for line in served.lines))  # the log comes from another thread
        served.lines[:] = [line for line in served.lines if "Traceback" not in line]


COSTLY = {
    "tokens": (["\u6587" * 19_993 + " [MASK]"] * 4, {}),
    "results": (["[MASK] " * 16 + "word " * 100] * 4, {"top_k": 100}),
    "lines": (["[MASK] " * 16 + "word " * 100] * 8, {"top_k": 100, "headers": LINES}),
}


@pytest.mark.parametrize("name", COSTLY)
def test_a_large_request_does_not_stop_the_event_loop(server, name):
    inputs, options = COSTLY[name]
    responses = 0
    with ThreadPoolExecutor(1) as pool:
        request = pool.submit(server.ask, inputs, **options)
        while not request.done():
            assert server.get("/health/live").status == 200
            responses += 1
    assert responses > 5 * len(inputs)  # a loop that runs the texts itself responds two to four times for each
