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
