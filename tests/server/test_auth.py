"""API keys: every route but health needs one, and no output contains one."""

import base64
import hmac

import pytest

from fillmask import InputError
from fillmask.server.auth import OPEN_PATHS, Keys, open_keys
from fillmask.server.routes import FILL_MASK_PATHS, HEALTH_PATHS
from fillmask.server.settings import Settings
from fillmask.server.verb_routes import ZERO_SHOT_PATHS
from tests.support import serving
from tests.support.serving import KEY, OTHER_KEY, TEXT


def basic(key):
    return "Basic " + base64.b64encode(f"me:{key}".encode()).decode()


def routes(server, headers):
    """Every route of the server: those of its OpenAPI description, its pages, and some that do not exist."""
    paths = server.get("/openapi.json", headers).json["paths"]
    listed = [(method.upper(), path.replace("{model}", "minilm-en")) for path in paths for method in paths[path]]
    aliases = [path for path in (*FILL_MASK_PATHS, *ZERO_SHOT_PATHS, "/models/{model:path}/rank") if path not in paths]
    listed += [("POST", path.replace("{model:path}", "minilm-en")) for path in aliases]
    unlisted = [("GET", path) for path in ("/", "/docs", "/openapi.json", "/nope", *HEALTH_PATHS)]
    return listed + unlisted + [("DELETE", "/"), ("OPTIONS", "/"), ("POST", "/health/live/../../info"), ("GET", "//")]


REFUSED = [
    {},
    {"authorization": ""},
    {"authorization": "Bearer"},
    {"authorization": "Bearer wrong-key-1"},
    {"authorization": f"Bearer {KEY[:-1]}"},
    {"authorization": f"Bearer {KEY}x"},
    {"authorization": f"Bearer {KEY.upper()}"},
    {"authorization": f"Token {KEY}"},
    {"authorization": KEY},
    {"authorization": basic("wrong-key-1")},
    {"authorization": "Basic not-base-64!"},
    {"authorization": f"Bearer {KEY} {OTHER_KEY}"},
    {"x-api-key": KEY},
]
ALLOWED = [f"Bearer {KEY}", f"Bearer {OTHER_KEY}", f"bearer {KEY}", f"BEARER  {KEY}", basic(KEY)]


def test_every_route_but_health_is_closed(locked):
    found = routes(locked, {"authorization": f"Bearer {KEY}"})
    assert len(found) > 20
    for method, path in found:
        for headers in REFUSED:
            reply = locked.request(method, path, headers=headers)
            expected = path in OPEN_PATHS and method == "GET"
            assert (reply.status == 200) == expected, (method, path, headers, reply)
            if not expected and path not in OPEN_PATHS:
                assert reply.status == 401, (method, path, headers, reply)
                assert reply.headers["www-authenticate"] == "Bearer"
                assert reply.json["error_type"] == "unauthorized"


@pytest.mark.parametrize("value", ALLOWED)
def test_each_key_opens_every_route(locked, value):
    headers = {"authorization": value}
    assert locked.ask(TEXT, headers=headers).status == 200
    for method, path in routes(locked, headers):
        assert locked.request(method, path, headers=headers).status not in {401, 500}, (method, path)


def test_two_keys_at_once_are_one_too_many(locked):
    head = f"GET /info HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\nAuthorization: Bearer {KEY}\r\n\r\n"
    assert serving.raw(locked, head.encode(), 0.5).startswith(b"HTTP/1.1 401 ")


def test_a_browser_prompts_for_the_key(locked):
    reply = locked.get("/", {"accept": "text/html,*/*"})
    assert reply.status == 401
    assert reply.headers["www-authenticate"].startswith("Basic realm=")
    assert locked.get("/", {"accept": "text/html", "authorization": basic(KEY)}).status == 200


def test_keys_show_nowhere(locked):
    headers = {"authorization": f"Bearer {KEY}"}
    locked.request("POST", f"/models/{KEY[:-1]}", {"inputs": 1}, headers)
    seen = [locked.request(method, path, headers=headers) for method, path in routes(locked, headers)]
    text = "\n".join([*map(str, seen), *locked.lines])
    with open(f"/proc/{locked.process.pid}/cmdline") as file:
        text += file.read()
    assert KEY not in text
    assert OTHER_KEY not in text


def test_a_key_is_compared_in_constant_time(monkeypatch):
    compared = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda *both: compared.append(both) or real(*both))
    keys = Keys([KEY, OTHER_KEY, "third-key"])
    assert keys.check("/", [f"Bearer {KEY}".encode()], page=False) is None
    assert len(compared) == 3  # the first matched, and all were compared
    assert {len(side) for both in compared for side in both} == {32}


@pytest.mark.parametrize("key", ["", "short", "with blank inside", "with\nbreak-in-it", "schlüssel-ä"])
def test_what_cannot_be_a_key_is_refused(key):
    with pytest.raises(InputError, match="a key must be at least 8 printable"):
        Keys([key])


def test_keys_of_a_file(tmp_path):
    (tmp_path / "keys").write_text(f"# who\n{KEY}\n\n  {OTHER_KEY}  \n")
    keys = open_keys(Settings(api_key_file=tmp_path / "keys"))
    assert keys.check("/", [f"Bearer {OTHER_KEY}".encode()], page=False) is None
    assert keys.check("/", [b"Bearer # who"], page=False) is not None


def test_a_key_file_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "keys").write_bytes(b"\xef\xbb\xbf" + KEY.encode() + b"\r\n")
    keys = open_keys(Settings(api_key_file=tmp_path / "keys"))
    assert keys.check("/", [f"Bearer {KEY}".encode()], page=False) is None


@pytest.mark.parametrize("content", ["", "# only a comment\n", None, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff"])
def test_a_file_without_keys_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "keys").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match="key file"):
        open_keys(Settings(api_key_file=tmp_path / "keys"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.org"])
def test_it_does_not_listen_beyond_loopback_without_a_key(host):
    with pytest.raises(InputError, match="open to the network"):
        open_keys(Settings(host=host))
    assert not open_keys(Settings(host=host, no_auth=True))
    assert open_keys(Settings(host=host, api_key=(KEY,)))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_on_loopback_it_needs_none(host):
    assert not open_keys(Settings(host=host))
