"""Streams leave capacity to others, end with their clients, and hold only what they still need."""

import asyncio
import contextlib
import json
import time

import pytest

from fillmask.server.admission import Admission, stream_needs
from fillmask.server.http_errors import HttpError
from fillmask.server.job import JobResult
from fillmask.server.ndjson import generate_lines
from fillmask.server.service import FILL_MASK
from fillmask.server.settings import Settings
from tests.support import serving
from tests.support.serving import TEXT

LINES = b"Accept: application/x-ndjson\r\n"


def stream(served, texts):
    body = json.dumps({"inputs": texts}).encode()
    connection = served.connect()
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    connection.sendall(head + LINES + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return connection


def test_the_weight_of_a_stream_follows_what_is_left():
    admission = Admission(Settings(max_queue_tokens=4000))
    with admission.stream_permit(stream_needs([500, 500, 10, 10, 10], 2)) as sent:
        held = [admission.tokens]
        for index in range(5):
            sent(index)
            held.append(admission.tokens)
        assert held == [1000, 510, 20, 20, 10, 0]
    assert (admission.tokens, admission.requests) == (0, 0)


def test_streams_leave_capacity_to_other_requests():
    admission = Admission(Settings(max_queue_tokens=4000, max_requests=8))
    with contextlib.ExitStack() as permits:
        for _ in range(3):
            permits.enter_context(admission.stream_permit(stream_needs([1000], 8)))
        with pytest.raises(HttpError, match="overloaded"), admission.stream_permit(stream_needs([10], 8)):
            pass
        permits.enter_context(admission.permit([1000]))
    with contextlib.ExitStack() as permits:
        for _ in range(6):
            permits.enter_context(admission.stream_permit(stream_needs([1], 8)))
        with pytest.raises(HttpError, match="overloaded"), admission.stream_permit(stream_needs([1], 8)):
            pass
    with pytest.raises(HttpError, match="a stream at most 3000"), admission.stream_permit(stream_needs([3001], 8)):
        pass
    assert (admission.tokens, admission.requests, admission._streams, admission._stream_tokens) == (0, 0, 0, 0)


def test_a_stream_that_is_cancelled_when_a_text_is_done_ends():
    async def scenario():
        future = asyncio.get_running_loop().create_future()
        others = [asyncio.get_running_loop().create_future() for _ in range(2)]
        seen = []

        async def read():
            lines = generate_lines(
                FILL_MASK, 60, 3, lambda _: None, lambda *_: [future, *others][: 3 - len(seen)], in_flight=8
            )
            async with contextlib.aclosing(lines):
                async for line in lines:
                    seen.append(line)

        task = asyncio.create_task(read())
        await asyncio.sleep(0.01)
        future.set_result(JobResult([b"[]"]))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert seen == []
        assert all(other.cancelled() for other in others)

    asyncio.run(scenario())


def test_the_deadline_of_a_line_counts_from_the_submission_of_its_text():
    async def scenario():
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in range(30)]
        start = time.monotonic()
        lines = generate_lines(FILL_MASK, 0.5, 30, lambda _: None, lambda *_: futures, in_flight=30)
        found = [json.loads(line) async for line in lines]
        assert [line["error_type"] for line in found] == ["deadline_exceeded"] * 30
        assert time.monotonic() - start < 30 * 0.5  # one deadline after the other
        assert all(future.cancelled() for future in futures)  # what is left of them never runs

    asyncio.run(scenario())


def test_many_streams_do_not_keep_others_out():
    with serving.serve("--threads", "1", "--max-queue-tokens", "9000") as served:
        streams = [stream(served, ["word " * 480 + "[MASK]"] * 8 + ["a [MASK]"] * 500) for _ in range(8)]
        serving.wait_for(lambda: served.metric("fillmask_requests_in_flight") >= 3)
        assert [served.ask(TEXT).status for _ in range(10)] == [200] * 10
        for connection in streams:
            connection.close()
        serving.wait_for(lambda: served.metric("fillmask_requests_in_flight") == 0, 10)
        assert served.metric("fillmask_queue_tokens") == 0
