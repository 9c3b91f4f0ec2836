"""The server under overload: which requests succeed, which are rejected, and how long both take."""

import contextlib
import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from fillmask.server.idle import Idle
from tests.support import serving
from tests.support.agreement import assert_same_answers
from tests.support.serving import JSON, TEXT

LONG = "word " * 480 + "[MASK]"


@pytest.fixture(scope="module")
def narrow():
    with serving.serve("--max-requests", "2", "--threads", "1", "--keep-alive", "60") as served:
        yield served


def in_flight(server, inputs):
    """A connection whose request has its permit and waits for its response."""
    before = server.metric("fillmask_requests_in_flight")
    connection = http.client.HTTPConnection(*server.address, timeout=30)
    connection.request("POST", "/", json.dumps({"inputs": inputs}), JSON)
    serving.wait_for(lambda: server.metric("fillmask_requests_in_flight") > before)
    return connection


def status_of(connection):
    """Wait for the response, and return its status."""
    with contextlib.closing(connection):
        return connection.getresponse().status


def test_with_a_full_queue_it_rejects_at_once_and_recovers(narrow, alone):
    busy = [in_flight(narrow, [LONG] * 12) for _ in range(2)]
    reply = narrow.ask(TEXT, headers={"x-request-id": "turned-away"})
    assert narrow.metric("fillmask_requests_in_flight") >= 1  # it did not wait for them
    assert reply.status == 429
    assert reply.headers["x-request-id"] == "turned-away"
    serving.wait_for(lambda: narrow.events("turned away", status=429))
    assert reply.headers["retry-after"] == "1"
    assert reply.json["error_type"] == "overloaded"
    assert narrow.get("/health/live").status == 200
    assert narrow.get("/health/ready").status == 200
    assert [status_of(connection) for connection in busy] == [200, 200]
    assert narrow.ask(TEXT).json == alone(TEXT)


def drop(server, connections):
    """Close connections whose requests are in flight, and wait until these are not."""
    for connection in connections:
        connection.close()
    serving.wait_for(lambda: server.metric("fillmask_requests_in_flight") == 0)


def test_a_short_text_waits_for_one_run_at_most(narrow):
    one = float(narrow.ask(LONG).headers["x-inference-time"])
    busy = in_flight(narrow, [LONG] * 20)
    waits = [float(narrow.ask(TEXT).headers["x-queue-time"]) for _ in range(5)]
    assert status_of(busy) == 200
    # In the order of arrival it would be up to 20 runs.
    assert sorted(waits)[2] < 2 * one


@pytest.mark.parametrize("behind", [b"", b"\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100])
def test_the_texts_of_a_disconnected_client_do_not_run(narrow, behind):
    before = narrow.metric("fillmask_texts_started")
    connection = in_flight(narrow, [LONG] * 30)
    connection.sock.sendall(behind)
    connection.close()
    serving.wait_for(lambda: narrow.metric("fillmask_requests_in_flight") == 0, 5)
    assert narrow.ask(TEXT).status == 200
    assert narrow.metric("fillmask_texts_started") - before < 15
    assert narrow.metric("fillmask_queue_depth") == 0


@pytest.mark.parametrize("deadline", [1, 50, 150])
def test_a_deadline_holds(narrow, deadline):
    one = float(narrow.ask(LONG).headers["x-inference-time"])
    before = narrow.metric("fillmask_texts_started")
    reply = narrow.ask([LONG] * 30, headers={"x-request-timeout-ms": str(deadline)})
    assert reply.status == 504
    assert reply.json["error_type"] == "deadline_exceeded"
    assert float(reply.headers["x-total-time"]) < deadline + one + 100
    assert narrow.ask(TEXT).status == 200
    assert narrow.metric("fillmask_texts_started") - before < 15


def test_concurrent_requests_get_their_own_predictions(server, alone):
    texts = [f"{word} number {number} is a [MASK]." for number in range(10) for word in ("Cat", "Town", "Song")]
    expected = [alone(text) for text in texts]
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(server.ask, texts))
    assert_same_answers([reply.json for reply in replies], expected)


def test_texts_of_a_request_run_at_once(server):
    seen = []
    done = threading.Event()

    def running():
        """Texts that were started and not predicted yet; the predicted ones are read last."""
        started = server.metric("fillmask_texts_started")
        return started - server.metric('fillmask_texts_total{model="minilm-en",outcome="predicted"}')

    def watch():
        while not done.is_set():
            seen.append(running())

    server.ask(TEXT)
    before = running()
    watcher = threading.Thread(target=watch)
    watcher.start()
    assert server.ask([LONG] * 12).status == 200
    done.set()
    watcher.join()
    assert max(seen) - before >= 2


LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def test_idle_connections_are_closed_for_new_ones_and_those_with_a_request_are_not():
    with serving.serve("--max-connections", "5", "--threads", "1", "--timeout-ms", "60000") as served:
        idle = [served.connect() for _ in range(5)]
        assert [served.get("/health/live").status for _ in range(3)] == [200] * 3
        assert [serving.rest(connection, 0.2) for connection in idle] == [b""] * 5
        busy = [in_flight(served, [LONG] * 12) for _ in range(4)]
        half = served.connect()
        half.sendall(LIVE[:-4])
        assert served.get("/health/live").status == 200
        assert serving.rest(half).startswith(b"HTTP/1.1 429 ")
        last = served.connect()
        last.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
        body = json.dumps({"inputs": [LONG] * 12}).encode()
        last.sendall(b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        serving.wait_for(lambda: serving.raw(served, LIVE).startswith(b"HTTP/1.1 429 "))
        for connection in busy:  # still open, and still without a response
            connection.sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                connection.sock.recv(1)
            connection.close()
        assert serving.rest(last).startswith(b"HTTP/1.1 200 ")
        assert served.get("/health/live").status == 200
        for connection in (*idle, half, last):
            connection.close()


def test_a_connection_with_a_key_gives_room_after_those_without():
    idle = Idle()
    for name, known in (("keyed", True), ("one", False), ("two", False), ("one", False), ("gone", False)):
        idle.add(name, known=known)
    idle.discard("gone")
    idle.discard("never here")
    assert [idle.take(lambda _: False) for _ in range(4)] == ["two", "one", "keyed", None]


@pytest.fixture(scope="module")
def keyed():
    flags = ("--max-connections", "5", "--max-requests", "1", "--threads", "1", "--api-key", serving.KEY)
    with serving.serve(*flags) as served:
        yield served


OUR_KEY = {"authorization": f"Bearer {serving.KEY}"}


def test_a_kept_connection_with_a_key_outlives_a_flood_of_others(keyed):
    kept = http.client.HTTPConnection(*keyed.address, timeout=10)
    assert serving.exchange(kept, "POST", "/", {"inputs": TEXT}, OUR_KEY).status == 200
    flood = [keyed.connect() for _ in range(20)]
    assert keyed.get("/health/live").status == 200
    sock = kept.sock
    assert serving.exchange(kept, "POST", "/", {"inputs": TEXT}, OUR_KEY).status == 200
    assert kept.sock is sock
    for connection in (kept, *flood):
        connection.close()


def test_many_are_rejected_on_one_connection_and_then_admitted(narrow, alone):
    busy = [in_flight(narrow, [LONG] * 12) for _ in range(2)]
    kept = http.client.HTTPConnection(*narrow.address, timeout=30)
    with contextlib.closing(kept):
        for size in (1, 1000, 100_000):
            refused = serving.exchange(kept, "POST", "/", {"inputs": TEXT, "options": {"x": "y" * size}})
            assert refused.status == 429
        assert serving.exchange(kept, "GET", "/health/live").status == 200
        drop(narrow, busy)
        assert serving.exchange(kept, "POST", "/", {"inputs": TEXT}).json == alone(TEXT)


@pytest.mark.parametrize("size", [1, 100_000])
def test_a_rejection_closes_the_connection_if_the_client_wants_that(narrow, size):
    busy = [in_flight(narrow, [LONG] * 12) for _ in range(2)]
    body = json.dumps({"inputs": TEXT, "options": {"x": "y" * size}}).encode()
    head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
    answer = serving.raw(narrow, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    assert answer.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(b'"error_type": "overloaded"}')
    drop(narrow, busy)


def test_with_the_queue_nearly_full_a_long_text_is_rejected_unread_and_a_short_one_admitted(alone):
    with serving.serve("--max-queue-tokens", "6250", "--threads", "1") as served:
        busy = in_flight(served, [LONG] * 12)
        assert served.ask(LONG).status == 429
        serving.wait_for(lambda: served.events("turned away", status=429))
        assert served.ask(TEXT).json == alone(TEXT)
        assert status_of(busy) == 200


def test_a_full_queue_does_not_show_without_a_key(keyed):
    busy = http.client.HTTPConnection(*keyed.address, timeout=30)
    with contextlib.closing(busy):
        busy.request("POST", "/", json.dumps({"inputs": [LONG] * 20}), JSON | OUR_KEY)
        serving.wait_for(lambda: keyed.metric("fillmask_requests_in_flight", OUR_KEY) == 1)
        assert keyed.ask(TEXT, headers=OUR_KEY).status == 429
        assert keyed.ask(TEXT).status == 401
        assert busy.getresponse().status == 200
