"""OpenTelemetry, optional: one span for each request, with the fields of the log line as attributes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import time_ns
from typing import TYPE_CHECKING

from fillmask.errors import InputError
from fillmask.extras import lacks

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

    from fillmask.server.context import RequestContext


_MAX_PATH = 1000
# A collector that is down takes 7 to 30 s of retries, which the end of the server does not wait for.
_CLOSE_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Tracing:
    """Records requests, or does nothing.

    Attributes:
        record: Records the context of a request that has just ended.
        close: Exports what is recorded, within a second.
    """

    record: Callable[[RequestContext], None] = lambda _: None
    close: Callable[[], None] = lambda: None


def open_tracing(endpoint: str | None) -> Tracing:
    """Make the functions that record requests.

    Args:
        endpoint: URL of an OTLP/HTTP collector; None disables traces.

    Raises:
        InputError: OpenTelemetry is not installed.
    """
    if endpoint is None:
        return Tracing()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise InputError(lacks("a trace", "OpenTelemetry", "otel")) from error
    recorder = Recorder(OTLPSpanExporter(endpoint=endpoint))
    return Tracing(recorder, recorder.close)


class Recorder:
    """Records requests as spans. A background thread exports them.

    Args:
        exporter: Exporter of the spans.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        resource = Resource.create({"service.name": "fillmask"})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)  # it would wait without a limit
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("fillmask.server")
        self._propagator = TraceContextTextMapPropagator()

    def __call__(self, context: RequestContext) -> None:
        """Record a request that has just ended."""
        from opentelemetry.trace import SpanKind

        end = time_ns()
        carrier = {"traceparent": context.traceparent} if context.traceparent else {}
        span = self._tracer.start_span(
            f"{context.method} {context.route}".strip(),
            context=self._propagator.extract(carrier),
            kind=SpanKind.SERVER,
            start_time=end - int(context.elapsed * 1e9),
            attributes=_attributes(context),
        )
        span.end(end)

    def flush(self) -> None:
        """Export all recorded spans now."""
        self._provider.force_flush()

    def close(self) -> None:
        """Export all recorded spans, as far as a second suffices, and end."""
        thread = threading.Thread(target=self._provider.shutdown, name="fillmask-tracing", daemon=True)
        thread.start()
        thread.join(_CLOSE_TIMEOUT_S)


def _attributes(context: RequestContext) -> dict[str, str | int]:
    return {
        "http.request.method": context.method,
        "url.path": context.path[:_MAX_PATH],
        "http.route": context.route,
        "http.response.status_code": context.status,
        "fillmask.request_id": context.id,
        **{f"fillmask.{name}": value for name, value in context.fields.items() if name != "inputs"},
    }
