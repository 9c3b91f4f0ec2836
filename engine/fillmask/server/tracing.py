"""OpenTelemetry: a span for each request, with what the log line says as its attributes. An option."""

from __future__ import annotations

from collections.abc import Callable
from time import time_ns
from typing import TYPE_CHECKING

from fillmask.errors import InputError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

    from fillmask.server.context import Exchange


def open_tracing(endpoint: str | None) -> Callable[[Exchange], None]:
    """Make what is called with each exchange that ended.

    Args:
        endpoint: URL that takes OTLP over HTTP, None for no traces.

    Raises:
        InputError: The packages for it are not installed.
    """
    if endpoint is None:
        return lambda _: None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise InputError("traces need OpenTelemetry: pip install 'fillmask[otel]'") from error
    return Recorder(OTLPSpanExporter(endpoint=endpoint))


class Recorder:
    """Records exchanges as spans, which a thread of its own hands to an exporter.

    Args:
        exporter: Where the spans go.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = TracerProvider(resource=Resource.create({"service.name": "fillmask"}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("fillmask.server")
        self._propagator = TraceContextTextMapPropagator()

    def __call__(self, exchange: Exchange) -> None:
        """Record an exchange that has just ended."""
        from opentelemetry.trace import SpanKind

        end = time_ns()
        carrier = {"traceparent": exchange.traceparent} if exchange.traceparent else {}
        span = self._tracer.start_span(
            f"{exchange.method} {exchange.path}",
            context=self._propagator.extract(carrier),
            kind=SpanKind.SERVER,
            start_time=end - int(exchange.elapsed * 1e9),
            attributes=_attributes(exchange),
        )
        span.end(end)

    def flush(self) -> None:
        """Hand over what there is, now."""
        self._provider.force_flush()


def _attributes(exchange: Exchange) -> dict[str, str | int]:
    return {
        "http.request.method": exchange.method,
        "url.path": exchange.path,
        "http.response.status_code": exchange.status,
        "fillmask.request_id": exchange.id,
        **{f"fillmask.{name}": value for name, value in exchange.facts.items() if name != "inputs"},
    }
