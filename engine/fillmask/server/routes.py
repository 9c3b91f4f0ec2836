"""The table of routes: path → JSON types and endpoint. ``app`` makes FastAPI's routes and description from it.

A new verb needs one row here, a schema, and a ``Service``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from fillmask.server.classify import CLASSIFY_TEXTS
from fillmask.server.classify_schema import (
    ClassifyBody,
    LabelLine,
    Labels,
    ZeroShotBody,
    ZeroShotLabels,
)
from fillmask.server.handler import Handler
from fillmask.server.http_errors import HttpError, json_response
from fillmask.server.metrics import CONTENT_TYPE
from fillmask.server.pages import make_page
from fillmask.server.rank import RANK_TEXTS
from fillmask.server.rank_schema import RankBody, Rankings, RankLine
from fillmask.server.schema import Body, Line, Predictions
from fillmask.server.score import SCORE_TEXTS
from fillmask.server.score_schema import ScoreBody, ScoreLine, Scores
from fillmask.server.service import FILL_MASK
from fillmask.server.zero_shot import handle_zero_shot

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
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
# Before FILL_MASK_PATHS, whose last path matches them too.
SCORE_PATHS = ("/score", "/models/{model:path}/score")
RANK_PATHS = ("/rank", "/models/{model:path}/rank")
CLASSIFY_PATHS = ("/classify", "/models/{model:path}/classify")
ZERO_SHOT_PATHS = (
    "/zero-shot-classification",
    "/pipeline/zero-shot-classification/{model:path}",
    "/hf-inference/models/{model:path}/pipeline/zero-shot-classification",
    "/models/{model:path}/zero-shot-classification",
)
HEALTH_PATHS = ("/health", "/health/live", "/health/ready", "/ping")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schemas:
    """The JSON types of a POST route.

    Attributes:
        body: Of the request.
        result: Of the response.
        line: Of one line of a response in NDJSON.
    """

    body: type[BaseModel]
    result: Any
    line: type[BaseModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A row of the table.

    Attributes:
        method: GET or POST.
        paths: Paths, in FastAPI's syntax.
        endpoint: Runs for each request.
        name: Name in the description; a route without a name is not in it.
        summary: One line for the description; None takes the name.
        description: More of it, for a route with ``schemas``.
        schemas: JSON types of a POST.
        errors: Statuses of errors, for a route without ``schemas``. With them it may have all errors.
        text: Whether the response is plain text rather than JSON.
    """

    method: str
    paths: tuple[str, ...]
    endpoint: Endpoint
    name: str | None = None
    summary: str | None = None
    description: str | None = None
    schemas: Schemas | None = None
    errors: tuple[int, ...] = ()
    text: bool = False


def make_routes(handler: Handler, find_problem: ProblemFinder) -> list[Route]:
    """Make the table.

    Args:
        handler: Handles fill-mask requests.
        find_problem: Returns what is wrong with the server, None if nothing is; its argument is whether readiness
            counts rather than liveness.
    """
    operation = Operation(handler, find_problem)
    return [
        *_verb_routes(handler),
        Route(
            method="POST",
            paths=FILL_MASK_PATHS,
            endpoint=partial(handler.handle, FILL_MASK),
            name="fill_mask",
            summary="Fill the masks of a text, or of several",
            description="The response has the shapes of transformers' fill-mask pipeline.",
            schemas=Schemas(body=Body, result=Predictions, line=Line),
        ),
        Route(method="GET", paths=HEALTH_PATHS, endpoint=operation.health, name="health", errors=(503,)),
        Route(method="GET", paths=("/info",), endpoint=operation.info, name="info"),
        Route(method="GET", paths=("/models",), endpoint=operation.models, name="models"),
        Route(method="GET", paths=("/metrics",), endpoint=operation.metrics, name="metrics", text=True),
        Route(method="GET", paths=("/",), endpoint=make_page("playground.html")),
        Route(method="GET", paths=("/docs",), endpoint=make_page("docs.html")),
    ]


def _verb_routes(handler: Handler) -> list[Route]:
    """The verbs besides fill-mask, whose last path matches theirs too: they come first."""
    return [
        Route(
            method="POST",
            paths=SCORE_PATHS,
            endpoint=partial(handler.handle, SCORE_TEXTS),
            name="score",
            summary="Score a text, or several, by its pseudo-log-likelihood",
            description="The log probability of each token and word, with its place in the text.",
            schemas=Schemas(body=ScoreBody, result=Scores, line=ScoreLine),
        ),
        Route(
            method="POST",
            paths=RANK_PATHS,
            endpoint=partial(handler.handle, RANK_TEXTS),
            name="rank",
            summary="Rank candidates at the masks of a text, or of several",
            description="Candidates have any number of tokens. The response has a list for each mask, best first.",
            schemas=Schemas(body=RankBody, result=Rankings, line=RankLine),
        ),
        Route(
            method="POST",
            paths=CLASSIFY_PATHS,
            endpoint=partial(handler.handle, CLASSIFY_TEXTS),
            name="classify",
            summary="Label a text, or several, by words in a template",
            description="The labels of a text, best first. Their scores are not calibrated.",
            schemas=Schemas(body=ClassifyBody, result=Labels, line=LabelLine),
        ),
        Route(
            method="POST",
            paths=ZERO_SHOT_PATHS,
            endpoint=partial(handle_zero_shot, handler),
            name="zero_shot_classification",
            summary="Hugging Face's zero-shot classification",
            description="Clients of huggingface_hub up to 1.1.4 get an object of labels and scores instead of a list.",
            schemas=Schemas(body=ZeroShotBody, result=ZeroShotLabels, line=LabelLine),
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
