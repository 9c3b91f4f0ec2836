"""Fields behind a body in chunks are no headers, whether they come with the head or later; they have its limits."""

import json
import re
import time

import pytest

from tests.support import serving
from tests.support.serving import KEY, TEXT

BODY = json.dumps({"inputs": TEXT}).encode()
AUTHORIZATION = f"Authorization: Bearer {KEY}"
LAST = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
FIELDS = [
    "X: y",
    "Accept: application/x-ndjson",
    "Host: elsewhere.example",
    "Origin: http://elsewhere.example",
    "Sec-Fetch-Site: cross-site",
    "Content-Type: text/plain",
    "Content-Encoding: gzip",
    "Connection: Upgrade\r\nUpgrade: h2c",
    "Expect: 100-continue",
    "x-request-timeout-ms: 0",
    AUTHORIZATION,
]


def statuses(server, *trailers, headers=(), gap=0.0):
    """Those of a request with such fields behind its body, and of the one behind it."""
    head = ["POST / HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Transfer-Encoding: chunked"]
    with server.connect() as connection:
        connection.sendall("\r\n".join([*head, *headers, "", ""]).encode() + b"%x\r\n%s\r\n0\r\n" % (len(BODY), BODY))
        time.sleep(gap)
        connection.sendall("\r\n".join([*trailers, "", ""]).encode() + LAST)
        received = serving.rest(connection)
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", received)], received


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("gap", [0, 0.05])
def test_a_field_behind_the_body_has_no_effect(server, alone, field, gap):
    found, received = statuses(server, field, gap=gap)
    assert found == [200, 200]
    (body,) = re.findall(rb"\r\n\r\n(\[.*?\])HTTP/1", received)
    assert json.loads(body) == alone(TEXT)


@pytest.mark.parametrize("gap", [0, 0.05])
def test_a_key_behind_the_body_is_no_key(locked, gap):
    assert statuses(locked, AUTHORIZATION, gap=gap)[0] == [401, 200]
    assert statuses(locked, AUTHORIZATION, headers=[AUTHORIZATION], gap=gap)[0] == [200, 200]


def test_they_count_against_the_limits_of_the_headers(server):
    for count, status in ((97, 200), (98, 431)):
        assert statuses(server, *["A: b"] * count)[0][0] == status
    assert statuses(server, "A: " + "b" * 17_000)[0] == [431]


@pytest.mark.parametrize("beside", [b"0\r\nX: ", b"0\r\n", b"9;x=", b"0" * 9], ids=["value", "name", "chunk", "size"])
@pytest.mark.parametrize("authorized", [False, True])
def test_what_never_ends_beside_a_body_is_cut_at_the_limit(locked, beside, authorized):
    head = ["POST / HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Transfer-Encoding: chunked"]
    head += [AUTHORIZATION] * authorized
    content = "\r\n".join([*head, "", ""]).encode() + b"%x\r\n%s\r\n" % (len(BODY), BODY) + beside
    assert b"HTTP/1.1 431 " in serving.raw(locked, content + b"0" * 34_000)


def test_a_body_of_many_chunks_may_be_large(server):
    body = json.dumps({"inputs": TEXT}).encode().ljust(100_000)
    chunks = b"".join(b"10;name=value\r\n%s\r\n" % body[start : start + 16] for start in range(0, len(body), 16))
    head = {"transfer-encoding": "chunked", "content-type": "application/json"}
    assert server.request("POST", "/", chunks + b"0\r\n\r\n", head).status == 200
