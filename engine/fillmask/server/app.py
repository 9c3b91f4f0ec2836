"""The application: its routes, and what puts it together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from fillmask import __version__
from fillmask.server import pages
from fillmask.server.handler import Answering
from fillmask.server.http_errors import ERROR_TYPES, Refusal, encode_json, json_response
from fillmask.server.metrics import CONTENT_TYPE
from fillmask.server.registry import Catalogue
from fillmask.server.request import NDJSON
from fillmask.server.schema import Answers, Body, Failure, Line

# {model:path}, since the ids of the hub hold a slash. The longer of two routes that fit comes first.
QUESTIONS = (
    "/",
    "/predict",
    "/invocations",
    "/pipeline/fill-mask/{model:path}",
    "/hf-inference/models/{model:path}/pipeline/fill-mask",
    "/hf-inference/models/{model:path}",
    "/models/{model:path}/pipeline/fill-mask",
    "/models/{model:path}",
)
_FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"model": Failure, "description": kind} for status, kind in ERROR_TYPES.items() if status != 500
}


_REF = "#/components/schemas/{model}"
_BODY = Body.model_json_schema(ref_template=_REF)
_LINE = {key: value for key, value in Line.model_json_schema(ref_template=_REF).items() if key != "$defs"}


class _Direct(APIRoute):
    """A route that hands the request to its endpoint as it is: the body is received and checked in ``receiving``.

    FastAPI describes it; of FastAPI's ways from request to response, and from error to response, it takes none.
    Errors become responses in ``envelope``.
    """

    def __init__(self, path: str, endpoint: Callable[[Request], Any], **options: Any) -> None:  # noqa: ANN401
        super().__init__(path, endpoint, **options)

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            response = await endpoint(Request(scope, receive, send))
            await response(scope, receive, send)

        self.app = answer


def make_app(answering: Answering, healthy: Callable[[bool], str | None]) -> ASGIApp:
    """Make the application.

    Args:
        answering: Answers questions.
        healthy: Says what is wrong with the server, None if nothing is; told whether readiness is asked.
    """
    app = FastAPI(
        title="fillmask",
        version=__version__,
        description="The fill-mask task of Hugging Face's inference API.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Security(HTTPBearer(auto_error=False, description="Where the server has keys."))],
    )
    app.router.route_class = _Direct
    _add_questions(app, answering)
    _add_health(app, healthy)
    _add_facts(app, answering)
    pages.add(app)
    _describe(app)

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST" and scope["path"] == "/":  # nearly every request: no search for its route
            response = await answering.answer(Request(scope, receive, send))
            return await response(scope, receive, send)
        scope["app"] = app
        await app.router(scope, receive, send)

    return route


def _add_questions(app: FastAPI, answering: Answering) -> None:
    body = {key: value for key, value in _BODY.items() if key != "$defs"}
    schema = {"content": {"application/json": {"schema": body}}, "required": True}
    lines = {NDJSON: {"schema": {"$ref": _REF.format(model="Line")}}}
    answers: dict[int | str, dict[str, Any]] = {200: {"model": Answers, "description": "answers", "content": lines}}
    for path in QUESTIONS:
        app.add_api_route(
            path,
            answering.answer,
            methods=["POST"],
            responses=answers | _FAILURES,
            openapi_extra={"requestBody": schema},
            summary="Fill the masks of a text, or of several",
            tags=["fill-mask"],
        )


def _describe(app: FastAPI) -> None:
    """Add ``/openapi.json``, with the schemas that only ``receiving`` and ``streaming`` use; encoded once."""
    described = app.openapi()
    described["components"]["schemas"] |= _BODY["$defs"] | {"Line": _LINE}
    content = encode_json(described)

    async def description(_: Request) -> Response:
        return Response(content, media_type="application/json")

    app.add_api_route("/openapi.json", description, methods=["GET"], include_in_schema=False)


def _add_health(app: FastAPI, healthy: Callable[[bool], str | None]) -> None:
    async def state(request: Request) -> Response:
        wrong = healthy(not request.url.path.endswith("/live"))
        if wrong:
            raise Refusal(503, wrong)
        return json_response({"status": "ok"})

    for path in ("/health", "/health/live", "/health/ready", "/ping"):
        app.add_api_route(path, state, methods=["GET"], responses={503: _FAILURES[503]}, tags=["operation"])


def _add_facts(app: FastAPI, answering: Answering) -> None:
    catalogue: Catalogue = answering.catalogue

    async def info(_: Request) -> Response:
        return json_response(catalogue.info(answering.settings, answering.scheduler.threads))

    async def models(_: Request) -> Response:
        return json_response([model.facts() for model in catalogue])

    async def metrics(_: Request) -> Response:
        return Response(answering.metrics.page(), headers={"content-type": CONTENT_TYPE})

    for path, endpoint in (("/info", info), ("/models", models)):
        app.add_api_route(path, endpoint, methods=["GET"], tags=["operation"])
    app.add_api_route("/metrics", metrics, methods=["GET"], tags=["operation"], response_class=PlainTextResponse)
