"""What the protocol refuses is counted by its status, once."""

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
