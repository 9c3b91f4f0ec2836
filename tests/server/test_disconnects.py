"""Clients that leave while their requests are prepared, or while their lines are collected."""

import asyncio
import threading
from contextlib import ExitStack
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from starlette.requests import ClientDisconnect

from fillmask.server.context import CONTEXT, DISCONNECTED, HOLD, RequestContext
from fillmask.server.handler import Handler
from fillmask.server.ndjson import NdjsonResponse
from fillmask.server.request import TaskRequest
from fillmask.server.settings import Settings
from tests.support.serving import TEXT


def handled(monkeypatch, *, stream=False, leaves=None, size=3000, arguments=None):
    """Handle a request whose client leaves at some time, and return what was called and the thread that prepared it."""
    threads, admission, scheduler = [], MagicMock(), MagicMock()

    async def scenario():
        loop = asyncio.get_running_loop()
        disconnected = loop.create_future()

        async def receive(*_):
            if leaves == "receiving":
                disconnected.set_result(None)
            return TaskRequest([TEXT], True, arguments or {}, 10.0, stream, [], size)

        def prepare(*_):
            threads.append(threading.current_thread().name)
            if leaves == "preparing":
                loop.call_soon_threadsafe(disconnected.set_result, None)
            else:
                raise NotImplementedError

        monkeypatch.setattr("fillmask.server.handler.receive", receive)
        monkeypatch.setattr(Handler, "_prepare", prepare)
        scope = {DISCONNECTED: disconnected, CONTEXT: RequestContext("id", "POST", "/")}
        handler = Handler(Settings(), MagicMock(), admission, scheduler, MagicMock())
        with pytest.raises(ClientDisconnect if leaves else NotImplementedError):
            await handler.handle(MagicMock(), SimpleNamespace(scope=scope, path_params={}))

    asyncio.run(scenario())
    return admission.mock_calls + scheduler.mock_calls, threads


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("leaves", "prepared"), [("receiving", []), ("preparing", ["aside"])])
def test_texts_of_a_client_that_left_meanwhile_enter_no_queue(monkeypatch, stream, leaves, prepared):
    assert handled(monkeypatch, stream=stream, leaves=leaves) == ([], prepared)


@pytest.mark.parametrize(
    ("size", "arguments", "thread"),
    [(100, {}, "MainThread"), (3000, {}, "aside"), (100, {"prior": {"texts": 1}}, "aside")],
)
def test_a_large_request_or_one_whose_prior_may_hash_the_model_is_prepared_aside(monkeypatch, size, arguments, thread):
    assert handled(monkeypatch, size=size, arguments=arguments)[1] == [thread]


def test_the_texts_of_a_client_of_http_1_0_stop_when_it_leaves():
    async def scenario():
        ended, begun, disconnected = [], asyncio.Event(), asyncio.get_running_loop().create_future()

        async def lines():
            try:
                begun.set()
                await asyncio.sleep(3600)
                yield b""
            finally:
                ended.append(True)

        scope = {"type": "http", "http_version": "1.0", DISCONNECTED: disconnected, HOLD: MagicMock()}
        response = asyncio.ensure_future(NdjsonResponse(lines(), ExitStack(), {})(scope, None, None))
        await begun.wait()
        disconnected.set_result(None)
        with pytest.raises(ClientDisconnect):
            await asyncio.wait_for(response, 20)
        assert ended

    asyncio.run(scenario())
