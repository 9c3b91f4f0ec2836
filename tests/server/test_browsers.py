"""Requests that a browser sends for a page of another site."""

import json

import pytest

from fillmask.server.browsers import Browsers
from fillmask.server.settings import Settings
from tests.support import serving
from tests.support.serving import JSON, KEY, TEXT

BODY = json.dumps({"inputs": TEXT}).encode()
PAGE = "https://app.example"


def post(server, headers, body=BODY):
    return server.request("POST", "/", body, headers)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.nip.io"])
def test_a_name_that_another_site_points_here_is_refused(server, host):
    for reply in (server.get("/info", {"host": host}), post(server, {"host": host})):
        assert (reply.status, reply.json["error_type"]) == (403, "forbidden")
        assert "--allowed-host" in reply.error


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1:1", "[::1]:8080", "[::1]", "10.0.0.7", "a.localhost"]
)
def test_names_of_this_machine_and_addresses_are_allowed(server, host):
    assert server.get("/info", {"host": host}).status == 200


def test_a_request_without_a_host_is_no_browser_s(server):
    assert serving.raw(server, b"GET /health HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_with_a_key_or_beyond_loopback_any_name_is_allowed(locked):
    assert locked.get("/info", {"host": "fillmask.svc", "authorization": f"Bearer {KEY}"}).status == 200
    browsers = Browsers(Settings(host="0.0.0.0", no_auth=True), keyed=False)
    assert browsers.check("GET", {b"host": b"fillmask.svc"}) is None


def test_hosts_that_are_listed_are_the_only_ones():
    browsers = Browsers(Settings(allowed_host=("Fillmask.svc",)), keyed=True)
    assert browsers.check("GET", {b"host": b"fillmask.svc:80"}) is None
    assert browsers.check("GET", {b"host": b"other.svc"}).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_a_page_of_another_origin_may_not_post(server, headers):
    reply = post(server, JSON | headers)
    assert (reply.status, reply.json["error_type"]) == (403, "forbidden")
    assert not [name for name in reply.headers if name.startswith("access-control")]


def test_the_server_s_own_page_may_post(server):
    own = {"origin": server.url, "sec-fetch-site": "same-origin"}
    assert post(server, JSON | own).status == 200
    assert server.get("/", {"sec-fetch-site": "cross-site"}).status == 200  # a link


FULL = "from fillmask.server.admission import Admission; Admission.full = lambda *_: True"


@pytest.fixture(scope="module")
def full():
    with serving.serve("--cors-origin", PAGE, "--receive-timeout", "0.3", prelude=FULL) as served:
        yield served


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n%sX: %s\r\n\r\n" % (b"%s", b"y" * 20_000), 431),
        (b"GET / HTTP/1.1\r\n%sNo colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n%sX: y", 408),
        (b"POST / HTTP/1.1\r\n%sConnection: close\r\nContent-Length: 9\r\n\r\n", 429),
    ],
)
def test_errors_before_the_application_can_be_read_by_an_allowed_page(full, request_, status):
    for origin, allowed in ((PAGE, True), ("https://evil.example", False)):
        content = request_ % f"Origin: {origin}\r\nHost: localhost\r\n".encode()
        head = serving.raw(full, content, 1).partition(b"\r\n\r\n")[0]
        assert head.startswith(b"HTTP/1.1 %d " % status)
        assert (b"access-control-allow-origin: %s" % PAGE.encode() in head) is allowed
        assert (b"access-control-expose-headers: " in head) is allowed


def test_a_body_needs_a_content_type(server):
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    reply = serving.raw(server, head % len(BODY) + BODY)
    assert reply.startswith(b"HTTP/1.1 415 ")
    assert b"Content-Type: application/json" in reply


def test_an_allowed_origin_may_post_and_read():
    with serving.serve("--cors-origin", PAGE, "--api-key", KEY) as served:
        asks = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
        preflight = served.request("OPTIONS", "/", headers={"origin": PAGE} | asks)
        assert preflight.status == 204
        assert preflight.headers["access-control-allow-origin"] == PAGE
        assert "authorization" in preflight.headers["access-control-allow-headers"]
        key = {"authorization": f"Bearer {KEY}"}
        reply = post(served, JSON | key | {"origin": PAGE, "sec-fetch-site": "cross-site"})
        assert (reply.status, reply.headers["access-control-allow-origin"], reply.headers["vary"]) == (
            200,
            PAGE,
            "origin",
        )
        assert post(served, JSON | {"origin": PAGE}).headers["access-control-allow-origin"] == PAGE  # the 401
        other = served.request("OPTIONS", "/", headers={"origin": "https://evil.example"} | asks)
        assert other.status == 403
        assert "access-control-allow-origin" not in other.headers


def test_any_origin_may_be_allowed():
    browsers = Browsers(Settings(cors_origin=("*",)), keyed=False)
    assert browsers.check("POST", {b"host": b"localhost", b"origin": b"https://a.example"}) is None


@pytest.mark.parametrize("path", ["/", "/docs", "/info", "/models", "/metrics", "/health/live", "/openapi.json"])
def test_head_is_get_without_a_body(server, path):
    reply = server.request("HEAD", path)
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["content-length"]) > 10
