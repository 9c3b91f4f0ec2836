"""The application: FastAPI's routes and OpenAPI description, made from the table of ``routes``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI, Security
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from fillmask import __version__
from fillmask.server.context import context_of
from fillmask.server.dispatch import Dispatch
from fillmask.server.http_errors import ERROR_TYPES, encode_json
from fillmask.server.request import NDJSON
from fillmask.server.route import Route, Schemas
from fillmask.server.schema import Error

_REF = "#/components/schemas/{model}"
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Error, "description": kind} for status, kind in ERROR_TYPES.items() if status != 500
}


async def _described() -> None:
    """Stands for an endpoint: before 0.123, FastAPI cannot read the parameters of a partial, and it need not."""


class _DirectRoute(APIRoute):
    """A route whose endpoint gets the request itself.

    FastAPI only documents this route; parsing and error handling bypass it. ``request`` parses bodies, and
    ``middleware`` turns errors into responses.
    """

    def __init__(self, path: str, endpoint: Callable[[Request], Any], **options: Any) -> None:  # noqa: ANN401
        super().__init__(path, _described, **options)

        async def run(scope: Scope, receive: Receive, send: Send) -> None:
            context_of(scope).route = path
            response = await endpoint(Request(scope, receive, send))
            await response(scope, receive, send)

        self.app = run


def make_app(routes: Sequence[Route]) -> ASGIApp:
    """Make the application.

    Args:
        routes: The table. Of two paths that match a request, the first wins.
    """
    app = FastAPI(
        title="fillmask",
        version=__version__,
        description="The fill-mask task of Hugging Face's inference API.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Security(HTTPBearer(auto_error=False, description="If the server has keys."))],
    )
    app.router.route_class = _DirectRoute
    for route in routes:
        for path, options in zip(route.paths, _descriptions(route), strict=True):
            app.add_api_route(path, route.endpoint, methods=[route.method], **options)
    _add_openapi(app, routes)

    return Dispatch(app)


def _descriptions(route: Route) -> list[dict[str, Any]]:
    """Make FastAPI's options for each path of a route; the first path is described."""
    hidden = {"include_in_schema": False, "response_model": None}
    return [hidden if route.name is None else _description(route), *[hidden] * (len(route.paths) - 1)]


def _description(route: Route) -> dict[str, Any]:
    others = ", ".join(f"`{path.replace(':path', '')}`" for path in route.paths[1:])
    options = {
        "response_model": None,
        "name": route.name,
        "operation_id": route.name,
        "summary": route.summary,
        "description": " ".join(filter(None, (route.description, others and f"Other paths: {others}.")))
        or route.summary,
    }
    if route.schemas is None:
        success = {} if route.text else {"response_model": route.result}
        return (
            options
            | success
            | {
                "tags": ["operation"],
                "response_class": PlainTextResponse if route.text else JSONResponse,
                "responses": {status: _ERRORS[status] for status in route.errors},
            }
        )
    return options | {
        "tags": ["fill-mask"],
        "responses": {200: _success(route.schemas), **_ERRORS},
        "openapi_extra": {"requestBody": _request_body(route)},
    }


def _success(schemas: Schemas) -> dict[str, Any]:
    lines = {NDJSON: {"schema": {"$ref": _REF.format(model=schemas.line.__name__)}}}
    return {"model": schemas.result, "description": "predictions", "content": lines}


def _request_body(route: Route) -> dict[str, Any]:
    assert route.schemas is not None
    schema = {"$ref": _REF.format(model=route.schemas.body.__name__)}
    return {"content": {"application/json": {"schema": schema, "example": route.example}}, "required": True}


def _add_openapi(app: FastAPI, routes: Sequence[Route]) -> None:
    """Add ``/openapi.json``, encoded once. FastAPI lacks the schemas that only ``request`` and ``ndjson`` use."""
    described = app.openapi()
    # The routes have another order, since a path that matches others comes after them. A reader looks for this one.
    described["paths"] = dict(sorted(described["paths"].items(), key=lambda item: item[0] != "/"))
    for schemas in filter(None, (route.schemas for route in routes)):
        for model in (schemas.body, schemas.line):
            schema, parts = _split(model.model_json_schema(ref_template=_REF))
            described["components"]["schemas"] |= parts | {model.__name__: schema}
    content = encode_json(described)

    async def openapi(_: Request) -> Response:
        return Response(content, media_type="application/json")

    app.add_api_route("/openapi.json", openapi, methods=["GET"], include_in_schema=False)


def _split(schema: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split a JSON schema into itself and its definitions."""
    return {key: value for key, value in schema.items() if key != "$defs"}, schema.get("$defs", {})
