"""From a request to its response: permit, texts to the scheduler, answers in the shapes of the task."""

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
from fillmask.server.context import GONE, Exchange, exchange_of
from fillmask.server.gather import settle
from fillmask.server.http_errors import Refusal, json_response
from fillmask.server.job import Done, Expired, Job
from fillmask.server.metrics import Metrics
from fillmask.server.ndjson import Lines, stream
from fillmask.server.notices import header
from fillmask.server.registry import Catalogue, Model
from fillmask.server.request import Query, receive
from fillmask.server.scheduler import Scheduler
from fillmask.server.settings import Settings

_PARAMETERS = {TargetsError: "parameters.targets", TopKError: "parameters.top_k"}


@dataclass(frozen=True, slots=True)
class Answering:
    """Answers questions.

    Attributes:
        settings: The limits.
        catalogue: The models.
        admission: Gives the permits.
        scheduler: Runs the texts.
        metrics: Told of every text.
    """

    settings: Settings
    catalogue: Catalogue
    admission: Admission
    scheduler: Scheduler
    metrics: Metrics

    async def answer(self, request: Request) -> Response:
        """Answer a request.

        Raises:
            Refusal: It cannot be answered.
            ClientDisconnect: Nobody waits for the answer any more.
        """
        model = self.catalogue.find(request.path_params.get("model"))
        query = await receive(request, self.settings)
        exchange = exchange_of(request.scope)
        exchange.facts |= {"model": model.name, "texts": len(query.texts)}
        if self.settings.log_texts:
            exchange.facts["inputs"] = query.texts
        weights = [weigh(text, model.fill_mask.max_length) for text in query.texts]
        with ExitStack() as permit:
            ahead = weights if not query.stream else sorted(weights)[-self._window :]
            permit.enter_context(self.admission.permit(ahead))
            if query.stream:
                lines = stream(query, partial(self._submit, model, query, weights), self._window)
                return Lines(lines, permit.pop_all(), header(query.warnings))
            return await self._answer(request, model, query, weights)

    @property
    def _window(self) -> int:
        """Texts of a stream that are under way at once: enough that no thread waits for the next."""
        return 4 * self.scheduler.threads

    async def _answer(self, request: Request, model: Model, query: Query, weights: list[int]) -> Response:
        exchange = exchange_of(request.scope)
        deadline = exchange.began + query.timeout
        futures = self._submit(model, query, weights, range(len(weights)), deadline)
        try:
            done = await settle(futures, request.scope[GONE], deadline)
        except Expired:
            limit = f"{query.timeout * 1000:.0f} ms"
            raise Refusal(504, f"not answered within {limit}; allow more by x-request-timeout-ms") from None
        answers = [_shaped(each, index, query) for index, each in enumerate(done)]
        content = answers[0] if len(answers) == 1 else answers
        warned = [*query.warnings, *(message for each in done for message in each.warnings)]
        return json_response(content, headers=_timing(done, exchange) | header(warned))

    def _submit(
        self, model: Model, query: Query, weights: Sequence[int], indices: range, deadline: float | None = None
    ) -> list[asyncio.Future[Done]]:
        """Let texts wait for their turn; without a deadline each has the request's time from now."""
        loop, within = asyncio.get_running_loop(), monotonic() + query.timeout if deadline is None else deadline
        ahead, jobs = sum(weights[: indices.start]), []
        for index in indices:
            future: asyncio.Future[Done] = loop.create_future()
            future.add_done_callback(partial(self._count, model))
            ahead += weights[index]
            jobs.append(Job(model, query.texts[index], query.ask, within, weights[index], ahead, future))
        self.scheduler.submit(jobs)
        return [job.future for job in jobs]

    def _count(self, model: Model, future: asyncio.Future[Done]) -> None:
        if not future.cancelled() and future.exception() is None:
            self.metrics.text(model, future.result())


def _shaped(done: Done, index: int, query: Query) -> Any:  # noqa: ANN401 -- the task's own irregular shape
    if not isinstance(done.answer, InputError):
        return as_transformers(done.answer)
    text = "inputs" if query.single else f"inputs[{index}]"
    raise Refusal(422, f"{_PARAMETERS.get(type(done.answer), text)}: {done.answer}")


def _timing(done: list[Done], exchange: Exchange) -> dict[str, str]:
    """Milliseconds: the longest wait, and the sums of what the texts took."""
    tokens = sum(each.tokens for each in done)
    exchange.facts["tokens"] = tokens
    return {
        "x-compute-type": "cpu",
        "x-compute-tokens": str(tokens),
        "x-queue-time": _ms(max((each.queue for each in done), default=0)),
        "x-tokenization-time": _ms(sum(each.tokenize for each in done)),
        "x-inference-time": _ms(sum(each.run for each in done)),
    }


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f}"
