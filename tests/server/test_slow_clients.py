"""Clients that send or read slowly, or not at all, lose their connection in time. This server gives them a second."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import serving
from tests.support.serving import TEXT

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
TYPE = b"Content-Type: application/json\r\n"
BODY = json.dumps({"inputs": TEXT}).encode()
SLOW = {
    "nothing": (b"", b""),
    "blank lines": (b"", b"\r\n"),
    "headers": (HEAD, b"X: y\r\n"),
    "one endless header": (HEAD + b"X: ", b"y"),
    "a body": (HEAD + TYPE + b"Content-Length: 1000\r\n\r\n", b"y"),
    "a body of chunks": (HEAD + TYPE + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\ny\r\n"),
    "a refused body": (HEAD + b"Content-Type: text/plain\r\nContent-Length: 1000\r\n\r\n", b"y"),
    "a body promised only": (HEAD + TYPE + b"Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n", b""),
}


LONGEST = 8  # seconds: less than without --receive-timeout
IDLE = 4.5  # seconds: less than without --keep-alive


def until_closed(connection, drip):
    """Seconds until the server closes, while a byte more is sent every tenth of a second; and what it sent."""
    start, received = time.monotonic(), b""
    connection.settimeout(0.1)
    while time.monotonic() - start < LONGEST:
        try:
            chunk = connection.recv(65536)
            if not chunk:
                break
            received += chunk
        except TimeoutError:
            try:
                connection.sendall(drip)
            except OSError:
                break
        except ConnectionResetError:
            break
    return time.monotonic() - start, received


@pytest.fixture(scope="module")
def cut(server):
    """What became of each slow request; all of them at once, since each takes a second."""

    def dawdle(name):
        begin, drip = SLOW[name]
        with server.connect() as connection:
            connection.sendall(begin)
            return until_closed(connection, drip)

    with ThreadPoolExecutor(len(SLOW)) as pool:
        return dict(zip(SLOW, pool.map(dawdle, SLOW), strict=True))


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_request_is_cut(cut, name):
    took, received = cut[name]
    assert 0.9 < took < LONGEST
    status = received.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")[9:12]
    assert status == (b"415" if name == "a refused body" else b"408"), received


def test_a_second_request_on_a_connection_has_its_own_deadline(server):
    with server.connect() as connection:
        connection.sendall(HEAD + TYPE + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY)
        time.sleep(0.7)
        connection.sendall(HEAD)
        took, received = until_closed(connection, b"")
    assert received.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in received
    assert took > 0.9


def test_an_idle_connection_is_closed_without_a_response():
    with serving.serve("--keep-alive", "0.5") as served, served.connect() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        took, received = until_closed(connection, b"")
    assert 0.4 < took < IDLE
    assert received.count(b"HTTP/1.1") == 1


def test_a_client_that_does_not_read_is_cut(server):
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.connect(server.address)
    body = json.dumps({"inputs": ["word " * 450 + "[MASK]"] * 60, "parameters": {"top_k": 100}}).encode()
    with connection:
        accept = b"Accept: application/x-ndjson\r\n"
        connection.sendall(HEAD + TYPE + accept + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        serving.wait_for(lambda: server.metric("fillmask_requests_in_flight") == 1)
        serving.wait_for(lambda: server.metric("fillmask_requests_in_flight") == 0, 10)
        assert len(serving.rest(connection, 1)) < 10_000_000


def test_slow_clients_do_not_affect_others(server):
    slow = [server.connect() for _ in range(50)]
    for connection in slow:
        connection.sendall(HEAD)
    assert all(server.ask(TEXT).status == 200 for _ in range(20))
    for connection in slow:
        connection.close()
