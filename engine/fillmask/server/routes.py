"""The table of routes: path → JSON types and endpoint. ``app`` makes FastAPI's routes and description from it.

A new verb needs one row here, a schema, and a ``Service``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from fillmask.server.handler import Handler
from fillmask.server.http_errors import HttpError, json_response
from fillmask.server.info_schema import Health, ModelInfo, ServerInfo
from fillmask.server.metrics import CONTENT_TYPE
from fillmask.server.pages import make_page
from fillmask.server.route import Route, Schemas
from fillmask.server.schema import FillMaskBody, FillMaskLine, Predictions
from fillmask.server.service import FILL_MASK
from fillmask.server.verb_routes import verb_routes

ProblemFinder: TypeAlias = Callable[[bool], str | None]

# {model:path}, since hub ids have a slash. Of two paths that match, the longer one must come first.
FILL_MASK_PATHS = (
    "/",
    "/predict",
    "/invocations",
    "/pipeline/fill-mask/{model:path}",
    "/hf-inference/models/{model:path}/pipeline/fill-mask",
    "/hf-inference/models/{model:path}",
    "/models/{model:path}/pipeline/fill-mask",
    "/models/{model:path}",
)
HEALTH_PATHS = ("/health", "/health/live", "/health/ready", "/ping")


def make_routes(handler: Handler, find_problem: ProblemFinder) -> list[Route]:
    """Make the table.

    Args:
        handler: Handles fill-mask requests.
        find_problem: Returns what is wrong with the server, None if nothing is; its argument is whether readiness
            counts rather than liveness.
    """
    operation = Operation(handler, find_problem)
    return [
        *verb_routes(handler),
        Route(
            method="POST",
            paths=FILL_MASK_PATHS,
            endpoint=partial(handler.handle, FILL_MASK),
            name="fill_mask",
            summary="Fill the masks of a text, or of several",
            description="The response has the shapes of transformers' fill-mask pipeline.",
            schemas=Schemas(body=FillMaskBody, result=Predictions, line=FillMaskLine),
            example={"inputs": "Paris is the [MASK] of France.", "parameters": {"top_k": 3}},
        ),
        *_operation_routes(operation),
        Route(method="GET", paths=("/",), endpoint=make_page("playground.html")),
        Route(method="GET", paths=("/docs",), endpoint=make_page("docs.html")),
    ]


def _operation_routes(operation: Operation) -> list[Route]:
    """Make the rows for operators."""
    return [
        Route(
            method="GET",
            paths=HEALTH_PATHS,
            endpoint=operation.health,
            name="health",
            summary="Whether the server takes new requests",
            description="`/health/live` tells instead whether the process works.",
            result=Health,
            errors=(503,),
        ),
        Route(
            method="GET",
            paths=("/info",),
            endpoint=operation.info,
            name="info",
            summary="The default model, the limits and the version",
            result=ServerInfo,
        ),
        Route(
            method="GET",
            paths=("/models",),
            endpoint=operation.models,
            name="models",
            summary="The models",
            description="A path `/models/{model}/VERB` takes a model by its name.",
            result=list[ModelInfo],
        ),
        Route(
            method="GET",
            paths=("/metrics",),
            endpoint=operation.metrics,
            name="metrics",
            summary="Metrics for Prometheus",
            text=True,
        ),
    ]


@dataclass(frozen=True, slots=True)
class Operation:
    """Endpoints for operators.

    Attributes:
        handler: Source of the models, limits, threads and metrics.
        find_problem: See ``make_routes``.
    """

    handler: Handler
    find_problem: ProblemFinder

    async def health(self, request: Request) -> Response:
        """Report liveness for ``/health/live``, else readiness."""
        problem = self.find_problem(not request.url.path.endswith("/live"))
        if problem:
            raise HttpError(503, problem)
        return json_response({"status": "ok"})

    async def info(self, _: Request) -> Response:
        """Describe the default model and the limits."""
        return json_response(self.handler.registry.info(self.handler.settings, self.handler.scheduler.threads))

    async def models(self, _: Request) -> Response:
        """Describe each model."""
        return json_response([model.info() for model in self.handler.registry])

    async def metrics(self, _: Request) -> Response:
        """Render the metrics."""
        return Response(self.handler.metrics.page(), headers={"content-type": CONTENT_TYPE})
