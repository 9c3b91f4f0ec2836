"""What the protocol refuses is counted by its status, once."""

import asyncio
import time

import pytest

from tests.support import serving
from tests.support.scripted import Hub, play

POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"
CASES = {
    "no HTTP": (b"nonsense\r\n\r\n", "other", 400),
    "no path": (b"GET http://[ HTTP/1.1\r\n\r\n", "other", 400),
    "another kind of request": (b"CONNECT a:1 HTTP/1.1\r\n\r\n", "other", 400),
    "a large header": (b"GET / HTTP/1.1\r\nX: " + b"y" * 17_000, "other", 431),
    "many blank lines": (b"\r\n" * 10_000 + b"GET /", "other", 431),
    "half of a head": (POST, "other", 408),
    "half of a body": (POST + b"Content-Length: 9\r\n\r\n", "POST", 408),
    "a body that is no HTTP": (CHUNKED + b"x\r\n", "POST", 400),
    "many fields behind a body": (CHUNKED + b"0\r\n" + b"A: b\r\n" * 200, "POST", 431),
    "many requests, the last one bad": (b"GET /info HTTP/1.1\r\n\r\n" * 3 + b"x", "other", 400),
}


def counts(server):
    """Requests by method and status, without the readings of these counts."""
    lines = server.get("/metrics").body.decode().splitlines()
    found = dict(line.rsplit(" ", 1) for line in lines if line.startswith("fillmask_requests_total{"))
    return {name: float(value) for name, value in found.items() if name != _name("GET", 200)}


def _name(method, status):
    return f'fillmask_requests_total{{method="{method}",status="{status}"}}'


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("gap", [0, 0.05])
def test_what_is_refused_is_counted_once(server, name, gap):
    content, method, status = CASES[name]
    before = counts(server)
    with server.connect() as connection:
        connection.sendall(content[:-1])
        time.sleep(gap)
        connection.sendall(content[-1:])
        assert b"HTTP/1.1 %d " % status in serving.rest(connection)
    serving.wait_for(lambda: counts(server) != before, 5)
    added = {each: value - before.get(each, 0) for each, value in counts(server).items() if value != before.get(each)}
    assert added == {_name(method, status): 1}


def test_a_connection_beyond_the_limit_is_counted():
    async def scenario():
        hub = Hub(max_connections=1)
        first, second = hub.connect(), hub.connect()
        assert (first.aborted, hub.metrics.rejected.mock_calls) == (True, [])
        second.protocol.data_received(POST)
        hub.connect()
        assert second.unsent.startswith(b"HTTP/1.1 429 ")
        hub.metrics.rejected.assert_called_once_with(429, "other")

    play(scenario)


async def refuse(_, __, send):
    """An application that responds from the headers alone."""
    await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


@pytest.mark.parametrize("method", [b"POST", b"GET"])
@pytest.mark.parametrize("full", [False, True])
def test_a_connection_whose_body_arrives_behind_its_response_is_idle_and_closed_as_such(method, full):
    async def scenario():
        hub = Hub(refuse, keep_alive=5.0)
        hub.full.return_value = full
        wire = hub.connect()
        wire.protocol.data_received(method + b" / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab")
        await asyncio.sleep(1)
        assert wire.unsent.startswith(b"HTTP/1.1 429 " if full and method == b"POST" else b"HTTP/1.1 401 ")
        wire.send()
        wire.protocol.data_received(b"cd")
        await asyncio.sleep(4)
        assert not wire.closing
        await asyncio.sleep(2)
        assert wire.closing

    play(scenario)


def test_such_a_connection_takes_the_next_request():
    async def scenario():
        wire = Hub(refuse, keep_alive=5.0).connect()
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n"
        for _ in range(3):
            wire.protocol.data_received(head)
            await asyncio.sleep(1)
            assert wire.unsent.startswith(b"HTTP/1.1 401 ")
            wire.send()
            wire.protocol.data_received(b"abcd")
            await asyncio.sleep(4)
        assert not wire.closing

    play(scenario)
