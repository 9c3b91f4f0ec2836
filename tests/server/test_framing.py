"""Requests on one connection: pipelined, with requests for upgrades, in HTTP/1.0, and after the client's last byte."""

import contextlib
import http.client
import json
import re
import socket
import subprocess
import time
from itertools import accumulate

import psutil
import pytest

from fillmask.server.budget import Budget
from fillmask.server.inbox import Inbox
from tests.support import serving
from tests.support.serving import JSON, TEXT

BODY = json.dumps({"inputs": TEXT}).encode()
LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = LIVE[:-2] + b"Connection: close\r\n\r\n"  # the server closes behind its response: nothing more is to be read


def post(*headers, body=BODY, version="1.1"):
    lines = [f"POST / HTTP/{version}", "Host: localhost", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def statuses(received):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", received) if status != b"100"]


def pieces(inbox, size=None):
    found = []
    while inbox:
        found.append(inbox.take(size))
    return found


@pytest.mark.parametrize("step", range(1, 40))
def test_a_piece_ends_where_headers_end(step):
    inbox, found = Inbox(Budget(1000)), []
    content = b"GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nX: y\r\n\r\n\r\n\r\n"
    for start in range(0, len(content), step):
        inbox.add(content[start : start + step])
        found += pieces(inbox)
    assert b"".join(found) == content
    cuts = set(accumulate(map(len, found)))
    assert {match.end() for match in re.finditer(rb"\r\n\r\n", content)} <= cuts
    assert not any(b"\r\n\r\n" in piece[:-4] for piece in found)


def test_what_waits_in_all_connections_is_bounded():
    budget = Budget(100)
    one, other = Inbox(budget), Inbox(budget)
    one.add(b"x" * 60)
    other.add(b"y" * 60)
    assert one.settle()
    assert not other.settle()
    assert (budget.held, len(one), len(other)) == (60, 60, 0)
    assert one.take(50) == b"x" * 50
    assert one.settle()
    one.clear()
    assert budget.held == 0


def test_pipelined_requests_are_answered_in_order(server, alone):
    texts = [f"{word} is a [MASK]." for word in ("Paris", "Rome", "It", "Water", "He")]
    content = b"".join(LIVE + post(body=json.dumps({"inputs": text}).encode()) for text in texts) + LAST
    with server.connect() as connection:
        connection.sendall(content)
        found = [json.loads(body) for body in re.findall(rb"\r\n\r\n([\[{].*?)(?=HTTP/1|$)", serving.rest(connection))]
    assert [each[0]["token"] for each in found[1::2]] == [alone(text)[0]["token"] for text in texts]
    assert found[::2] == [{"status": "ok"}] * 6


@pytest.mark.parametrize("step", [1, 7, 50, 1000])
def test_requests_may_arrive_in_any_pieces(server, step):
    chunked = (
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunked += b"%x\r\n%s\r\n4\r\n\r\n\r\n\r\n0\r\n\r\n" % (len(BODY), BODY)
    content = post() + chunked + LIVE + post("Connection: close")
    with server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(content), step):
            connection.sendall(content[start : start + step])
        assert statuses(serving.rest(connection, 10)) == [200, 200, 200, 200]


@pytest.mark.parametrize(
    ("last", "status"), [(b"nonsense\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000, 431), (b"GET /", 408)]
)
def test_an_error_comes_after_the_responses_to_earlier_requests(server, last, status):
    assert statuses(serving.raw(server, post() + post() + last, 5)) == [200, 200, status]


def test_a_large_request_behind_a_slow_one_has_its_own_time():
    with serving.serve("--threads", "1", "--receive-timeout", "0.5") as served:
        slow = json.dumps({"inputs": ["word " * 480 + "[MASK]"] * 20}).encode()
        large = json.dumps({"inputs": TEXT, "options": {"x": "y" * 300_000}}).encode()
        with served.connect() as connection:
            patient = "x-request-timeout-ms: 60000"
            connection.sendall(post(patient, body=slow) + post(patient, "Connection: close", body=large))
            assert statuses(serving.rest(connection, 60)) == [200, 200]


@pytest.mark.parametrize("protocol", ["h2c", "websocket", "TLS/1.0, h2c"])
@pytest.mark.parametrize("gap", [0, 0.1])
def test_a_request_for_an_upgrade_is_answered_and_its_body_is_its_body(server, protocol, gap):
    inner = b"GET /models HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for body, status in ((BODY, 200), (inner, 400)):
        request = post("Connection: Upgrade, HTTP2-Settings", f"Upgrade: {protocol}", "HTTP2-Settings: AAMA", body=body)
        with server.connect() as connection:
            connection.sendall(request[: -len(body)])
            time.sleep(gap)
            connection.sendall(body + LAST)
            received = serving.rest(connection)
        assert statuses(received) == [status, 200]
        assert b"model_id" not in received


def test_curl_may_ask_for_http_2(server):
    flags = ["-s", "-m5", "-w", "%{http_code}", "-H", "Content-Type: application/json", "-d", BODY.decode()]
    try:
        done = subprocess.run(["curl", "--http2", *flags, server.url], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no curl")
    assert done.stdout.endswith("200"), done


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_a_client_may_end_its_side_after_its_request(server, alone, version):
    with server.connect() as connection:
        connection.sendall(post(version=version))
        connection.shutdown(socket.SHUT_WR)
        received = serving.rest(connection, 5)
        assert statuses(received) == [200]
        assert connection.recv(1) == b""
    body = received.rpartition(b"\r\n\r\n")[2]
    assert json.loads(body)[0]["token"] == alone(TEXT)[0]["token"]


def test_a_client_may_end_its_side_after_a_body_in_many_chunks_or_after_several_requests(server):
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in BODY + b" " * 40_000)
    head = post("Transfer-Encoding: chunked").partition(b"Content-Length")[0]
    for content, count in ((head + b"\r\n" + chunks + b"0\r\n\r\n", 1), (post() + LIVE + post(), 3)):
        with server.connect() as connection:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            assert statuses(serving.rest(connection, 5)) == [200] * count
            assert connection.recv(1) == b""


def test_a_client_that_ends_its_side_within_a_request_is_closed(server):
    for content in (post()[:-1], post()[:20], b""):
        with server.connect() as connection:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            assert statuses(serving.rest(connection, 0.8)) == []
            assert connection.recv(1) == b""


def test_a_piece_of_unknown_structure_is_small():
    inbox = Inbox(Budget(1 << 20))
    inbox.add(b"1\r\nx\r\n" * 10_000 + b"\r\n")
    assert max(map(len, pieces(inbox))) == 16 << 10
    inbox.add(b"x" * 100_000)
    assert len(inbox.take(100_000)) == 100_000


def test_many_headers_are_too_many(server):
    head = "GET /health/live HTTP/1.1\r\n{}Connection: close\r\n\r\n"
    for count, status in ((100, 200), (101, 431)):
        reply = serving.raw(server, head.format("A:\r\n" * (count - 1)).encode())
        assert statuses(reply) == [status]


def test_pipelined_requests_without_a_key_take_no_memory(locked):
    process = psutil.Process(locked.process.pid)
    connections = [locked.connect() for _ in range(4)]
    locked.get("/health/live")
    before, sent = process.memory_info().rss, 0
    for connection in connections:
        connection.setblocking(False)
    end = taken = time.monotonic() + 3
    while time.monotonic() < min(end, taken + 0.5):  # until it takes no more
        for connection in connections:
            with contextlib.suppress(OSError):
                sent += connection.send(b"GET / HTTP/1.1\r\n\r\n" * 14_000)
                taken = time.monotonic()
        time.sleep(0.05)
    assert locked.get("/health/live").status == 200
    assert process.memory_info().rss - before < 40_000_000
    assert sent > 100_000
    for connection in connections:
        connection.close()
    assert locked.ask(TEXT, headers={"authorization": f"Bearer {serving.KEY}"}).status == 200


def test_a_kept_connection_serves_many_requests(server):
    kept = http.client.HTTPConnection(*server.address, timeout=10)
    for _ in range(100):
        assert serving.exchange(kept, "POST", "/", {"inputs": TEXT}, JSON).status == 200
    kept.close()


def test_lines_arrive_without_chunks_in_http_1_0(server):
    body = json.dumps({"inputs": [TEXT] * 3}).encode()
    received = serving.raw(server, post("Accept: application/x-ndjson", body=body, version="1.0"))
    head, _, lines = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"transfer-encoding" not in head.lower()
    assert b"content-length: %d" % len(lines) in head.lower()
    assert [json.loads(line)["index"] for line in lines.splitlines()] == [0, 1, 2]
