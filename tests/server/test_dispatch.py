"""The first route that takes a request runs, also when it was found before."""

import asyncio

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse

from fillmask.server import dispatch
from fillmask.server.app import make_app
from fillmask.server.context import CONTEXT, RequestContext
from fillmask.server.route import Route


def answer(name):
    async def endpoint(request):
        return PlainTextResponse(f"{name} {request.path_params.get('model')}")

    return endpoint


@pytest.fixture
def app():
    rows = [
        ("POST", ("/score", "/models/{model:path}/score")),
        ("POST", ("/", "/models/{model:path}")),
        ("GET", ("/",)),
    ]
    names = ("score", "fill", "page")
    return make_app([Route(method=m, paths=p, endpoint=answer(n)) for n, (m, p) in zip(names, rows, strict=True)])


def body(app, method, path):
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, CONTEXT: RequestContext("id", method, path), "headers": []}
    asyncio.run(app(scope, None, send))
    return b"".join(message.get("body", b"") for message in sent).decode(), scope[CONTEXT].route


CASES = [
    ("POST", "/", "fill None", "/"),
    ("GET", "/", "page None", "/"),
    ("HEAD", "/", "page None", "/"),
    ("POST", "/score", "score None", "/score"),
    ("POST", "/models/a/b", "fill a/b", "/models/{model:path}"),
    ("POST", "/models/a/b/score", "score a/b", "/models/{model:path}/score"),
    ("POST", "/models/c/score", "score c", "/models/{model:path}/score"),
    ("POST", "/models/" + "x" * 1000, "fill " + "x" * 1000, "/models/{model:path}"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case[:2])[:30])
def test_a_path_has_the_route_that_comes_first(app, case):
    method, path, text, route = case
    assert body(app, method, path) == body(app, method, path) == (text, route)


@pytest.mark.parametrize(
    ("method", "path", "status"), [("POST", "/nope", 404), ("PUT", "/", 405), ("GET", "/score", 405)]
)
def test_a_request_without_a_route_is_an_error(app, method, path, status):
    for _ in range(2):
        with pytest.raises(HTTPException) as caught:
            body(app, method, path)
        assert caught.value.status_code == status


def test_a_bounded_number_of_short_paths_is_remembered(app):
    for number in range(dispatch._PATHS + 10):
        body(app, "POST", f"/models/{number}")
    before = app._find.cache_info()
    body(app, "POST", "/models/" + "x" * dispatch._LONGEST_PATH)
    assert app._find.cache_info() == before
    assert before.currsize == dispatch._PATHS
