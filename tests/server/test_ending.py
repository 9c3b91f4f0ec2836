"""Shutdown: no admitted request is lost."""

import contextlib
import http.client
import json
import signal
import time
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

from fillmask.server import lifecycle
from fillmask.server.settings import Settings
from tests.support import serving
from tests.support.agreement import assert_same_answers
from tests.support.serving import JSON, TEXT

LONG = "word " * 400 + "[MASK]"


def send(server, inputs):
    connection = http.client.HTTPConnection(*server.address, timeout=60)
    connection.request("POST", "/", json.dumps({"inputs": inputs}), JSON)
    return connection


def reply(connection):
    with contextlib.closing(connection):
        response = connection.getresponse()
        return response.status, json.loads(response.read())


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_requests_in_flight_finish_and_the_exit_code_is_0(alone, sig):
    texts = [
        f"{word} {number} is the [MASK] of " + "France " * 60 for number in range(16) for word in ("Paris", "Rome")
    ]
    with serving.serve("--drain-grace", "0") as served:
        connections = [send(served, text) for text in texts]
        serving.wait_for(lambda: served.metric("fillmask_requests_in_flight") > 0)
        time.sleep(0.05)
        served.process.send_signal(sig)
        answers = [reply(connection) for connection in connections]
        assert {status for status, _ in answers} == {200}
        assert_same_answers([answer for _, answer in answers], [alone(text) for text in texts])
        assert served.process.wait(10) == 0


def test_it_is_not_ready_before_the_port_closes():
    with serving.serve("--drain-grace", "1") as served:
        kept = http.client.HTTPConnection(*served.address, timeout=10)
        assert serving.exchange(kept, "GET", "/health/ready").status == 200
        served.process.send_signal(signal.SIGTERM)
        serving.wait_for(lambda: served.get("/health/ready").status == 503)
        assert served.get("/health/live").status == 200
        for reply in (served.ask(TEXT), serving.exchange(kept, "POST", "/", {"inputs": TEXT})):
            assert reply.status == 200
            assert reply.headers["connection"] == "close"
        assert served.process.wait(10) == 0


def test_the_second_signal_ends_it_at_once():
    with serving.serve("--threads", "1", "--drain-grace", "0") as served:
        busy = send(served, [LONG] * 32)
        serving.wait_for(lambda: served.metric("fillmask_requests_in_flight") == 1)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert served.stop() == 1
        assert reply(busy)[0] == 503


def test_requests_beyond_the_drain_timeout_are_cancelled():
    with serving.serve("--threads", "1", "--drain-grace", "0", "--drain-timeout", "0.2") as served:
        busy = send(served, [LONG] * 32)
        serving.wait_for(lambda: served.metric("fillmask_requests_in_flight") == 1)
        assert served.stop(timeout=5) == 1
        assert reply(busy)[0] == 503


@pytest.mark.parametrize("gave_up", [False, True])
@pytest.mark.parametrize("hangs", [False, True])
def test_the_exit_code_tells_of_cancelled_requests_and_not_of_a_run_that_nobody_waits_for(monkeypatch, gave_up, hangs):
    async def end():
        pass

    exits, tracing = [], MagicMock()
    monkeypatch.setattr("os._exit", exits.append)
    for name in ("sys.setswitchinterval", "asyncio.set_event_loop", "gc.freeze", "logging.shutdown"):
        monkeypatch.setattr(name, lambda *_: None)
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    stubs = {
        "load": None,
        "open_tracing": tracing,
        "Scheduler": MagicMock(**{"stop.return_value": not hangs}),
        "build": SimpleNamespace(serve=end, gave_up=gave_up),
        "_allow_files": None,
    }
    for name, value in stubs.items():
        monkeypatch.setattr(lifecycle, name, lambda *_, value=value, **__: value)
    assert lifecycle.serve([], Settings()) == gave_up
    assert exits == [int(gave_up)] * hangs
    tracing.close.assert_called_once_with()
