"""Prometheus metrics, served at ``/metrics``."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from fillmask import __version__
from fillmask.server.admission import Admission
from fillmask.server.job import JobResult
from fillmask.server.registry import Registry, ServedModel
from fillmask.server.scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import Callable

CONTENT_TYPE = CONTENT_TYPE_LATEST
STAGES = ("queue", "tokenize", "run", "post")
_SECONDS = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The metrics of the server.

    Args:
        registry: The models.
        admission: Source of the in-flight gauges.
        scheduler: Source of the queue gauges.
    """

    def __init__(self, registry: Registry, admission: Admission, scheduler: Scheduler) -> None:
        self._collectors = collectors = CollectorRegistry()
        requests = Counter("fillmask_requests", "Requests by status.", ["method", "status"], registry=collectors)
        self._requests = cache(requests.labels)  # a lookup of labels takes longer than the increment
        self._duration = Histogram(
            "fillmask_request_seconds", "Seconds from headers to response.", buckets=_SECONDS, registry=collectors
        )
        stages = Histogram(
            "fillmask_stage_seconds", "Seconds of a text in a stage.", ["stage"], buckets=_SECONDS, registry=collectors
        )
        self._stages = {stage: stages.labels(stage) for stage in STAGES}
        self._tokens = Counter("fillmask_tokens", "Tokens that ran.", ["model"], registry=collectors)
        self._texts = Counter("fillmask_texts", "Texts by outcome.", ["model", "outcome"], registry=collectors)
        self._gauge("fillmask_requests_in_flight", "Requests with a permit.", lambda: admission.requests)
        self._gauge("fillmask_queue_tokens", "Estimated tokens in the queue or in a run.", lambda: admission.tokens)
        self._gauge("fillmask_queue_depth", "Texts in the queue.", lambda: scheduler.waiting)
        self._gauge("fillmask_texts_started", "Texts whose run has started.", lambda: scheduler.started)
        self._gauge(
            "fillmask_runs_started", "Runs that have started, each of one or more texts.", lambda: scheduler.runs
        )
        info = Gauge("fillmask_model_info", "1 for each model.", ["model", "variant", "version"], registry=collectors)
        for model in registry:
            info.labels(model.name, model.model.variant, __version__).set(1)

    def request(self, method: str, status: int, seconds: float) -> None:
        """Count a request that ended. Status 499 means that the client disconnected before the response."""
        self._requests(method, str(status)).inc()
        self._duration.observe(seconds)

    def rejected(self, status: int, method: str = "POST") -> None:
        """Count what the protocol rejected: a request unread, or what is none. Its duration is in no histogram."""
        self._requests(method, str(status)).inc()

    def text(self, model: ServedModel, done: JobResult) -> None:
        """Count a text that ran, or that the engine refused."""
        for stage, histogram in self._stages.items():
            histogram.observe(getattr(done, stage))
        self._tokens.labels(model.name).inc(done.tokens)
        self._texts.labels(model.name, "refused" if isinstance(done.value, ValueError) else "predicted").inc()

    def page(self) -> bytes:
        """Render all metrics in the Prometheus text format."""
        return generate_latest(self._collectors)

    def _gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        Gauge(name, text, registry=self._collectors).set_function(value)
