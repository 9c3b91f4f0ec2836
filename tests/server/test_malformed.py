"""Every malformed request gets a documented error at once, and does not affect later requests."""

import contextlib
import http.client
import io

import pytest

from fillmask.server.http_errors import ERROR_TYPES
from tests.support import malformed, serving
from tests.support.malformed import ALL, Case
from tests.support.serving import Reply


class _Bytes:
    """What ``http.client`` reads a response from."""

    def __init__(self, content):
        self.content = content

    def makefile(self, *_):
        return io.BytesIO(self.content)


def first_reply(content, method="POST"):
    response = http.client.HTTPResponse(_Bytes(content), method=method)
    response.begin()
    return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def first_response(connection, case: Case):
    """The first response, read until it is complete."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
        head, end, body = received.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().splitlines() if line.startswith(b"content-length:")]
        if end and (case.content.startswith(b"HEAD") or len(body) >= int(lengths[0].partition(b":")[2])):
            return first_reply(received, "HEAD" if case.content.startswith(b"HEAD") else "POST")
    raise AssertionError(f"no response to {case.name}: {received!r}")


def test_there_are_at_least_250():
    assert len(ALL) >= 250
    assert len({case.content for case in ALL}) > 250


@pytest.mark.parametrize("part", range(8))
def test_a_malformed_request_fails_and_the_next_succeeds(server, alone, part):
    good = alone(malformed.TEXT)
    for case in ALL[part::8]:
        with server.connect() as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the server closed early
                connection.sendall(case.content)
            reply = first_response(connection, case)
        assert reply.status in case.statuses, (case.name, reply)
        if not case.content.startswith(b"HEAD"):
            assert reply.error.startswith(case.field), (case.name, reply.error)
            assert reply.json["error_type"] == ERROR_TYPES[reply.status]
            assert len(reply.error) < 400, (case.name, reply.error)
        assert server.ask(malformed.TEXT).json == good


def test_no_malformed_request_was_a_defect_of_the_server(server):
    assert not server.events("request", status=500)
    assert server.process.poll() is None


LENIENT = {
    "HTTP/1.0": malformed.request(malformed.GOOD, line="POST / HTTP/1.0"),
    "a URL for a path": malformed.request(malformed.GOOD, line="POST http://elsewhere/predict HTTP/1.1"),
    "a query": malformed.request(malformed.GOOD, line="POST /?top_k=nonsense#x HTTP/1.1"),
    "blank lines before": b"\r\n\r\n" + malformed.request(malformed.GOOD),
    "a charset": malformed.request(malformed.GOOD, "Content-Type: application/json; charset=utf-8"),
    "a kind of JSON": malformed.request(malformed.GOOD, "Content-Type: Application/Vnd.API+JSON"),
    "chunks": malformed.request(
        b"".join(b"1\r\n%c\r\n" % byte for byte in malformed.GOOD) + b"0\r\n\r\n", "Transfer-Encoding: chunked"
    ),
    "another protocol": malformed.request(malformed.GOOD, "Connection: x", "Upgrade: websocket"),
    "JSON behind a byte order mark": malformed.request(b"\xef\xbb\xbf" + malformed.GOOD),
    "JSON of many lines": malformed.request(b"\n" * 1000 + malformed.GOOD + b" " * 1000),
}


@pytest.mark.parametrize("name", LENIENT)
def test_odd_but_valid_requests_succeed(server, alone, name):
    case = Case(name, LENIENT[name], frozenset({200}))
    with server.connect() as connection:
        connection.sendall(case.content)
        assert first_response(connection, case).json == alone(malformed.TEXT)


def test_a_mebibyte_in_chunks_of_one_byte(server):
    body = b'"' + b"x" * ((1 << 20) - 2) + b'"'
    content = malformed.request(
        b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n", "Transfer-Encoding: chunked"
    )
    case = Case("one byte chunks", content, frozenset({422}))
    with server.connect() as connection:
        connection.sendall(content)
        reply = first_response(connection, case)
    assert reply.status in {408, 422}, reply


def test_requests_in_one_packet_get_responses_in_their_order(server):
    one = malformed.request(malformed.GOOD)
    wrong = malformed.request(b"{")
    received = serving.raw(server, one + wrong + one + one, 0.5)
    assert [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]] == [200, 400, 200, 200]
