"""The handler of a request for a verb: receive, resolve, admit, submit, wait, shape, time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from fillmask.errors import InputError
from fillmask.server.admission import Admission, stream_needs
from fillmask.server.aside import ASIDE, ON_LOOP_BYTES
from fillmask.server.context import DISCONNECTED, RequestContext, context_of
from fillmask.server.gather import gather
from fillmask.server.http_errors import HttpError, too_late
from fillmask.server.job import Expired, Job, JobResult
from fillmask.server.metrics import Metrics
from fillmask.server.ndjson import NdjsonResponse, generate_lines
from fillmask.server.registry import Registry, ServedModel
from fillmask.server.request import TaskRequest, receive
from fillmask.server.result_limits import ResultLimits, check_expansion, check_masks
from fillmask.server.scheduler import Scheduler
from fillmask.server.service import Service
from fillmask.server.settings import Settings
from fillmask.server.warning_header import warning_header
from fillmask.tasks import Task

# With the embedded model a token takes 0.1 ms, a mask 0.2 ms, and a prediction 8 us and 5 ns a character, for its JSON.
_TOKENS_PER_MASK = 2
_PREDICTIONS_PER_TOKEN = 12
_CHARACTERS_PER_TOKEN = 20_000


@dataclass(frozen=True, slots=True)
class _Submission:
    """The texts of a request, ready for the queue."""

    model: ServedModel
    texts: list[str]
    weights: list[int]
    timeout: float
    start: Callable[[str], Task[Any]]
    encode: Callable[[Any], list[bytes]]
    limits: ResultLimits | None
    most_characters: int
    needs: list[int]
    extras: list[int]
    bulk: bool
    in_flight: int
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class Handler:
    """Handles requests for verbs.

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

    async def handle(self, service: Service, http_request: Request) -> Response:
        """Respond to a request.

        Raises:
            HttpError: The request is invalid, does not fit into the queue, or missed its deadline.
            ClientDisconnect: The client disconnected.
        """
        model = self.registry.find(http_request.path_params.get("model"))
        request = await receive(http_request, self.settings, service.body, service.parameters, service.arguments)
        _check_connected(http_request)
        context = context_of(http_request.scope)
        self._log(context, model, request)
        prepare = partial(self._prepare, service, model, request)
        # The deadlines of a stream's texts count from their submission.
        started = monotonic() if request.stream else context.started
        submission = await ASIDE.run(_size_aside(request), prepare, started, request.timeout)
        _check_connected(http_request)
        if request.stream:
            return self._stream(service, submission)
        with self.admission.permit(submission.weights):
            deadline = context.started + request.timeout
            futures = self._submit(submission, range(len(request.texts)), deadline)
            results = await _wait(futures, http_request.scope[DISCONNECTED], deadline, request.timeout)
        texts = [service.text(parts) for parts in _values(results, request)]
        content = service.nest(texts, request.single)
        warnings = submission.warnings + _warnings(results, request)
        headers = _time(results, context, model) | warning_header(warnings)
        return Response(content, headers=headers, media_type="application/json")

    def _log(self, context: RequestContext, model: ServedModel, request: TaskRequest) -> None:
        context.fields |= {"model": model.name, "texts": len(request.texts)}
        if self.settings.log_texts:
            context.fields["inputs"] = request.texts

    def _prepare(self, service: Service, model: ServedModel, request: TaskRequest) -> _Submission:
        masks = check_masks(request, model.model, self.settings) if service.limits_masks else [0] * len(request.texts)
        parameters, warnings = _resolve(service, model, request, self.settings)
        weights = service.weigh(request, model, self.settings, parameters)
        extras = _extras(request, masks)
        limits = ResultLimits(self.settings, request.arguments.get("top_k") or 1, stream=request.stream)
        # Enough that no thread idles until the next text, as far as one stream may hold it.
        most = self.admission.stream_tokens_limit // model.model.max_length
        in_flight = max(1, min(4 * self.scheduler.threads, most))
        return _Submission(
            model,
            request.texts,
            weights,
            request.timeout,
            lambda text: service.verb.task(model.model, text, parameters),
            lambda value: limits.encode(service.parts(value)),
            limits if service.limits_masks else None,
            2 * self.settings.max_characters,
            stream_needs(weights, in_flight) if request.stream else [],
            extras,
            request.stream or not self.admission.small(sum(weights) + sum(extras)),
            in_flight,
            warnings,
        )

    def _stream(self, service: Service, submission: _Submission) -> Response:
        headers = warning_header(submission.warnings)
        with ExitStack() as permit:
            sent = permit.enter_context(self.admission.stream_permit(submission.needs))
            submit = partial(self._submit, submission)
            in_flight = submission.in_flight
            lines = generate_lines(
                service, submission.timeout, len(submission.texts), sent, submit, in_flight=in_flight
            )
            return NdjsonResponse(lines, permit.pop_all(), headers)

    def _submit(self, submission: _Submission, indices: range, deadline: float) -> list[asyncio.Future[JobResult]]:
        """Queue the texts of some indices."""
        loop, model = asyncio.get_running_loop(), submission.model
        tokens_before, jobs = sum(submission.weights[: indices.start]), []
        for index in indices:
            future: asyncio.Future[JobResult] = loop.create_future()
            future.add_done_callback(partial(self._count, model))
            weight = submission.weights[index]
            tokens_before += weight
            text = submission.texts[index]
            job = Job(model, partial(_start, submission, text), deadline, weight, tokens_before, future)
            job.encode, job.extra, job.bulk = submission.encode, submission.extras[index], submission.bulk
            job.most_small, job.most_rows = self.admission.most_small, self.settings.max_reads
            if submission.limits is not None:
                job.check = partial(submission.limits.check, text)
            jobs.append(job)
        self.scheduler.submit(jobs)
        return [job.future for job in jobs]

    def _count(self, model: ServedModel, future: asyncio.Future[JobResult]) -> None:
        if future.cancelled():
            self.scheduler.drop_cancelled()
        elif future.exception() is None:
            self.metrics.text(model, future.result())


def _check_connected(http_request: Request) -> None:
    """Drop a request whose client left while it was aside: none of its texts may enter the queue."""
    if http_request.scope[DISCONNECTED].done():
        raise ClientDisconnect


def _size_aside(request: TaskRequest) -> int:
    """The bytes of a request; one with a prior is never prepared on the event loop, since it may hash the model."""
    return max(request.size, ON_LOOP_BYTES + 1) if request.arguments.get("prior") else request.size


def _resolve(service: Service, model: ServedModel, request: TaskRequest, settings: Settings) -> tuple[Any, list[str]]:
    """Resolve the parameters before a permit is taken; also give the warnings so far."""
    try:
        resolved = service.verb.resolve(model.model, **request.arguments)
    except InputError as error:
        raise HttpError(422, f"{service.fields.get(type(error), 'parameters')}: {error}") from None
    warnings = [*request.warnings, *(notice.message for notice in resolved.notices)]
    return service.bound(resolved.value, settings), warnings


def _extras(request: TaskRequest, masks: Sequence[int]) -> list[int]:
    """Estimate the time of the predictions of each text, as that of so many tokens."""
    top_k = request.arguments.get("top_k") or 1
    return [count * _tokens_per_mask(text, top_k) for text, count in zip(request.texts, masks, strict=True)]


def _tokens_per_mask(text: str, top_k: int) -> int:
    return _TOKENS_PER_MASK + top_k // _PREDICTIONS_PER_TOKEN + top_k * len(text) // _CHARACTERS_PER_TOKEN


def _start(submission: _Submission, text: str) -> Task[Any]:
    check_expansion(text, submission.most_characters)
    return submission.start(text)


async def _wait(
    futures: Sequence[asyncio.Future[JobResult]], disconnected: asyncio.Future[None], deadline: float, timeout: float
) -> list[JobResult]:
    try:
        return await gather(futures, disconnected, deadline)
    except Expired:
        raise too_late(timeout) from None


def _values(results: Sequence[JobResult], request: TaskRequest) -> list[Any]:
    for index, result in enumerate(results):
        if isinstance(result.value, InputError):
            raise HttpError(422, f"{'inputs' if request.single else f'inputs[{index}]'}: {result.value}")
    return [result.value for result in results]


def _warnings(results: Sequence[JobResult], request: TaskRequest) -> list[str]:
    """Give the warnings of all texts; in a list of texts each names its own."""
    found = [(index, message) for index, result in enumerate(results) for message in result.warnings]
    return [message if request.single else f"inputs[{index}]: {message}" for index, message in found]


def _time(results: Sequence[JobResult], context: RequestContext, model: ServedModel) -> dict[str, str]:
    """Make the headers of times, in milliseconds: the longest wait in the queue, the sums of the other stages."""
    tokens = sum(result.tokens for result in results)
    context.fields["tokens"] = tokens
    return {
        "x-compute-type": "gpu" if model.model.session.on_gpu else "cpu",
        "x-compute-tokens": str(tokens),
        "x-queue-time": _ms(max((result.queue for result in results), default=0)),
        "x-tokenization-time": _ms(sum(result.tokenize for result in results)),
        "x-inference-time": _ms(sum(result.run for result in results)),
    }


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f}"
