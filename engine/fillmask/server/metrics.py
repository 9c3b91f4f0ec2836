"""What Prometheus reads at ``/metrics``."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from fillmask import __version__
from fillmask.server.admission import Admission
from fillmask.server.job import Done
from fillmask.server.registry import Catalogue, Model
from fillmask.server.scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import Callable

CONTENT_TYPE = CONTENT_TYPE_LATEST
STAGES = ("queue", "tokenize", "run", "post")
_SECONDS = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The server's figures.

    Args:
        catalogue: The models.
        admission: Told from here: what is in the house.
        scheduler: Told from here: what waits.
    """

    def __init__(self, catalogue: Catalogue, admission: Admission, scheduler: Scheduler) -> None:
        self._registry = registry = CollectorRegistry()
        requests = Counter("fillmask_requests", "Requests by status.", ["method", "status"], registry=registry)
        self._requests = cache(requests.labels)  # looking one up takes longer than counting
        self._duration = Histogram(
            "fillmask_request_seconds", "Seconds from headers to answer.", buckets=_SECONDS, registry=registry
        )
        stages = Histogram(
            "fillmask_stage_seconds", "Seconds of a text in a stage.", ["stage"], buckets=_SECONDS, registry=registry
        )
        self._stages = {stage: stages.labels(stage) for stage in STAGES}
        self._tokens = Counter("fillmask_tokens", "Tokens that ran.", ["model"], registry=registry)
        self._texts = Counter("fillmask_texts", "Texts by outcome.", ["model", "outcome"], registry=registry)
        self._ask("fillmask_requests_in_flight", "Requests with a permit.", lambda: admission.requests)
        self._ask("fillmask_queue_tokens", "Tokens, estimated, that wait or run.", lambda: admission.tokens)
        self._ask("fillmask_queue_depth", "Texts that wait.", lambda: scheduler.waiting)
        self._ask("fillmask_texts_started", "Texts whose run began.", lambda: scheduler.started)
        self._ask("fillmask_runs_started", "Runs that began, each of one text or several.", lambda: scheduler.runs)
        info = Gauge("fillmask_model_info", "1 for each model.", ["model", "variant", "version"], registry=registry)
        for model in catalogue:
            info.labels(model.name, model.fill_mask.variant, __version__).set(1)

    def request(self, method: str, status: int, seconds: float) -> None:
        """Count a request that has been answered; one that nobody waits for any more has status 499."""
        self._requests(method, str(status)).inc()
        self._duration.observe(seconds)

    def turned_away(self, status: int) -> None:
        """Count a question that was refused before it was read, which says nothing of how long answers take."""
        self._requests("POST", str(status)).inc()

    def text(self, model: Model, done: Done) -> None:
        """Count a text that ran or was refused by the engine."""
        for stage, histogram in self._stages.items():
            histogram.observe(getattr(done, stage))
        self._tokens.labels(model.name).inc(done.tokens)
        self._texts.labels(model.name, "refused" if isinstance(done.answer, ValueError) else "answered").inc()

    def page(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)

    def _ask(self, name: str, text: str, value: Callable[[], float]) -> None:
        Gauge(name, text, registry=self._registry).set_function(value)
