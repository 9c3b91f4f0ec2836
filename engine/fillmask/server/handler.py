"""The handler of a fill-mask request: receive, admit, submit, wait, shape, time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fillmask.decoding import as_transformers
from fillmask.errors import InputError, TargetsError, TopKError
from fillmask.server.admission import Admission, weigh
from fillmask.server.context import DISCONNECTED, RequestContext, context_of
from fillmask.server.gather import gather
from fillmask.server.http_errors import HttpError, json_response
from fillmask.server.job import Expired, Job, JobResult
from fillmask.server.metrics import Metrics
from fillmask.server.ndjson import NdjsonResponse, generate_lines
from fillmask.server.notices import header
from fillmask.server.registry import Registry, ServedModel
from fillmask.server.request import FillMaskRequest, receive_request
from fillmask.server.scheduler import Scheduler
from fillmask.server.settings import Settings

_FIELDS = {TargetsError: "parameters.targets", TopKError: "parameters.top_k"}


@dataclass(frozen=True, slots=True)
class Handler:
    """Handles fill-mask requests.

    Attributes:
        settings: The limits.
        registry: The models.
        admission: Gives permits.
        scheduler: Runs the texts.
        metrics: Counts the texts.
    """

    settings: Settings
    registry: Registry
    admission: Admission
    scheduler: Scheduler
    metrics: Metrics

    async def handle(self, http_request: Request) -> Response:
        """Respond to a fill-mask request.

        Raises:
            HttpError: The request is invalid, does not fit into the queue, or missed its deadline.
            ClientDisconnect: The client disconnected.
        """
        model = self.registry.find(http_request.path_params.get("model"))
        request = await receive_request(http_request, self.settings)
        context = context_of(http_request.scope)
        self._log(context, model, request)
        weights = [weigh(text, model.max_length) for text in request.texts]
        if request.stream:
            return self._stream(model, request, weights)
        with self.admission.permit(weights):
            deadline = context.started + request.timeout
            futures = self._submit(model, request, weights, range(len(weights)), deadline)
            results = await _wait(futures, http_request.scope[DISCONNECTED], deadline, request.timeout)
        content = _shape(results, request)
        headers = _time(results, context) | header(_warnings(results, request))
        return json_response(content, headers=headers)

    def _log(self, context: RequestContext, model: ServedModel, request: FillMaskRequest) -> None:
        context.fields |= {"model": model.name, "texts": len(request.texts)}
        if self.settings.log_texts:
            context.fields["inputs"] = request.texts

    def _stream(self, model: ServedModel, request: FillMaskRequest, weights: list[int]) -> Response:
        in_flight = 4 * self.scheduler.threads  # enough that no thread idles until the next text
        with ExitStack() as permit:
            permit.enter_context(self.admission.permit(sorted(weights)[-in_flight:]))
            lines = generate_lines(request, partial(self._submit, model, request, weights), in_flight)
            return NdjsonResponse(lines, permit.pop_all(), header(request.warnings))

    def _submit(
        self,
        model: ServedModel,
        request: FillMaskRequest,
        weights: Sequence[int],
        indices: range,
        deadline: float | None = None,
    ) -> list[asyncio.Future[JobResult]]:
        """Queue the texts of some indices. Without a deadline each gets the timeout of the request from now on."""
        loop = asyncio.get_running_loop()
        latest = monotonic() + request.timeout if deadline is None else deadline
        tokens_before, jobs = sum(weights[: indices.start]), []
        for index in indices:
            future: asyncio.Future[JobResult] = loop.create_future()
            future.add_done_callback(partial(self._count, model))
            tokens_before += weights[index]
            text, weight = request.texts[index], weights[index]
            jobs.append(Job(model, text, request.parameters, latest, weight, tokens_before, future))
        self.scheduler.submit(jobs)
        return [job.future for job in jobs]

    def _count(self, model: ServedModel, future: asyncio.Future[JobResult]) -> None:
        if not future.cancelled() and future.exception() is None:
            self.metrics.text(model, future.result())


async def _wait(
    futures: Sequence[asyncio.Future[JobResult]], disconnected: asyncio.Future[None], deadline: float, timeout: float
) -> list[JobResult]:
    try:
        return await gather(futures, disconnected, deadline)
    except Expired:
        message = f"no predictions within {timeout * 1000:.0f} ms; set a longer deadline with x-request-timeout-ms"
        raise HttpError(504, message) from None


def _shape(results: Sequence[JobResult], request: FillMaskRequest) -> Any:  # noqa: ANN401 -- the task's irregular shape
    """Nest the predictions as transformers does: one text is not a list of one."""
    shaped = [_shape_text(each, index, request) for index, each in enumerate(results)]
    return shaped[0] if len(shaped) == 1 else shaped


def _shape_text(done: JobResult, index: int, request: FillMaskRequest) -> Any:  # noqa: ANN401
    if not isinstance(done.result, InputError):
        return as_transformers(done.result)
    text = "inputs" if request.single else f"inputs[{index}]"
    raise HttpError(422, f"{_FIELDS.get(type(done.result), text)}: {done.result}")


def _time(results: Sequence[JobResult], context: RequestContext) -> dict[str, str]:
    """Make the headers of times, in milliseconds: the longest wait in the queue, the sums of the other stages."""
    tokens = sum(done.tokens for done in results)
    context.fields["tokens"] = tokens
    return {
        "x-compute-type": "cpu",
        "x-compute-tokens": str(tokens),
        "x-queue-time": _ms(max((done.queue for done in results), default=0)),
        "x-tokenization-time": _ms(sum(done.tokenize for done in results)),
        "x-inference-time": _ms(sum(done.run for done in results)),
    }


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f}"


def _warnings(results: Sequence[JobResult], request: FillMaskRequest) -> list[str]:
    return [*request.warnings, *(message for done in results for message in done.warnings)]
