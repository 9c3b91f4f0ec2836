"""Spans of requests."""

import sys
import threading
import time

import pytest

from fillmask import InputError
from fillmask.server import tracing
from fillmask.server.context import RequestContext
from fillmask.server.tracing import Recorder, open_tracing

TRACE = "0af7651916cd43dd8448eb211c80319c"


def spans(*contexts):
    exporting = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    exporter = exporting.InMemorySpanExporter()
    record = Recorder(exporter)
    for context in contexts:
        record(context)
    deadline = time.monotonic() + 10
    while len(exporter.get_finished_spans()) < len(contexts):
        record.flush()
        assert time.monotonic() < deadline
    return exporter.get_finished_spans()


def test_a_request_is_a_span_of_the_client_s_trace():
    fields = {"model": "minilm-en", "tokens": 9, "inputs": ["secret"]}
    context = RequestContext("id-1", "POST", "/", f"00-{TRACE}-b7ad6b7169203331-01", 200, fields)
    (span,) = spans(context)
    assert f"{span.context.trace_id:032x}" == TRACE
    assert span.attributes["http.response.status_code"] == 200
    assert span.attributes["fillmask.tokens"] == 9
    assert span.attributes["fillmask.request_id"] == "id-1"
    assert "secret" not in str(dict(span.attributes))


def test_without_a_trace_it_begins_one():
    one, two = spans(RequestContext("a", "GET", "/"), RequestContext("b", "GET", "/", "nonsense"))
    assert one.context.trace_id != two.context.trace_id
    assert one.end_time >= one.start_time


def test_traces_are_an_option():
    off = open_tracing(None)
    assert off.record(RequestContext("a", "GET", "/")) is None
    assert off.close() is None


def test_without_their_packages_the_error_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(InputError, match=r"\.\[otel\]"):
        open_tracing("http://127.0.0.1:4318/v1/traces")


def test_the_name_of_a_span_has_the_route_rather_than_the_path():
    context = RequestContext("a", "POST", "/models/" + "x" * 16_000, route="/models/{model:path}")
    named, unknown = spans(context, RequestContext("b", "GET", "/nope"))
    assert (named.name, unknown.name) == ("POST /models/{model:path}", "GET")
    assert len(named.attributes["url.path"]) == 1000


def test_the_end_exports_what_is_recorded():
    exporting = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    exporter = exporting.InMemorySpanExporter()
    record = Recorder(exporter)
    record(RequestContext("a", "GET", "/"))
    record.close()
    assert len(exporter.get_finished_spans()) == 1


def test_the_end_does_not_wait_for_a_collector_that_is_down(monkeypatch):
    pytest.importorskip("opentelemetry.sdk.trace")
    at_exit, begun, up = [], threading.Event(), threading.Event()

    class Down:
        def export(self, _):
            begun.set()
            up.wait()

        def shutdown(self):
            pass

    monkeypatch.setattr("atexit.register", at_exit.append)
    monkeypatch.setattr(tracing, "_CLOSE_TIMEOUT_S", 0.01)
    record = Recorder(Down())
    record(RequestContext("a", "GET", "/"))
    record.close()
    try:
        assert begun.wait(10)
        assert not up.is_set()
        assert at_exit == []  # OpenTelemetry's own end waits for the collector
    finally:
        up.set()
