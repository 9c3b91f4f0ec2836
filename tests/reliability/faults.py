"""The server with clients that disconnect, stall or attack, and at shutdown."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import signal
import socket
import threading
import time

import psutil

from tests.load.generator import bodies_of, open_loop, percentile, poisson, run
from tests.reliability.load import load_on, texts
from tests.reliability.row import Row, Scale
from tests.support.serving import TEXT, Served, serve, wait_for

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
FAILED = float("inf")  # the latency of a request that failed


def request(inputs: object) -> bytes:
    body = json.dumps({"inputs": inputs}).encode()
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


def connects(scale: Scale) -> list[Row]:
    """Row 4: many connections at once, and many in turn, leak nothing."""
    with serve() as server:
        server.ask(TEXT)
        process = psutil.Process(server.process.pid)
        before = process.num_fds()
        at_once = [socket.create_connection(server.address, timeout=10) for _ in range(scale.count(1000, 20))]
        for connection in at_once:
            connection.close()
        for _ in range(scale.count(5000, 50)):
            socket.create_connection(server.address, timeout=10).close()
        with contextlib.suppress(AssertionError):
            wait_for(lambda: abs(process.num_fds() - before) <= 5, 15)
        after, well = process.num_fds(), server.ask(TEXT).status == 200
    figure = f"open files {before} before, {after} after {len(at_once)} at once and {scale.count(5000, 50)} in turn"
    return [Row("faults", "connections opened and closed", "files ± 5; responds after it", figure,
                well and abs(after - before) <= 5)]  # fmt: skip


def endings(scale: Scale) -> list[Row]:
    """Row 6: SIGTERM with 32 requests in flight loses none of them."""
    runs, right, longest, codes = scale.count(20, 2), 0, 0.0, set()
    body = texts(32, 60, 60)
    for _ in range(runs):
        with serve("--drain-grace", "0") as server:
            open_ = [server.connect() for _ in body]
            for connection, text in zip(open_, body, strict=True):
                connection.sendall(request(text))
            wait_for(lambda server=server: server.metric("fillmask_requests_in_flight") > 0)
            time.sleep(0.03)
            server.process.send_signal(signal.SIGTERM)
            start = time.monotonic()
            right += sum(_status(connection) == 200 for connection in open_)
            codes.add(server.process.wait(30))
            longest = max(longest, time.monotonic() - start)
    figure = f"{right} of {32 * runs} completed in {runs} runs; exit codes {sorted(codes)}; longest end {longest:.1f} s"
    return [Row("faults", "SIGTERM with 32 requests in flight", "all completed, exit 0, ≤ 26 s", figure,
                right == 32 * runs and codes == {0} and longest <= 26)]  # fmt: skip


def _status(connection: socket.socket) -> int:
    with connection:
        connection.settimeout(30)
        received = b""
        with contextlib.suppress(OSError):
            while chunk := connection.recv(65536):
                received += chunk
        return int(received[9:12] or 0)


def disconnects(scale: Scale) -> list[Row]:
    """Row 7: abandoned requests do not run and leak nothing."""
    count, source = scale.count(1000, 60), random.Random(3)
    long = request("word " * 450 + "[MASK]")
    with serve("--threads", "1", "--max-requests", "2000", "--max-queue-tokens", "2000000") as server:
        server.ask(TEXT)
        before = server.metric("fillmask_texts_started")
        busy = [server.connect() for _ in range(2)]
        for connection in busy:
            connection.sendall(request(["word " * 450 + "[MASK]"] * 20))
        wait_for(lambda: server.metric("fillmask_requests_in_flight") == 2)
        cut = 0
        for each in range(count):
            with server.connect() as connection:
                whole = each % 2 == 0
                connection.sendall(long if whole else long[: source.randrange(1, len(long))])
                cut += whole
        wait_for(lambda: server.metric("fillmask_requests_in_flight") <= 2, 20)
        for connection in busy:
            connection.close()
        wait_for(lambda: server.metric("fillmask_queue_tokens") == 0 and server.metric("fillmask_queue_depth") == 0, 30)
        server.ask(TEXT)
        ran = server.metric("fillmask_texts_started") - before - 1
        defects = len(server.events("request", status=500))
    figure = f"{ran:.0f} texts run of {cut + 40} that were abandoned; queue 0 after it; {defects} server errors"
    return [Row("faults", f"{count} clients that disconnect during a request or after it",
                "≤ 5 % of the abandoned run, besides the 40 ahead of them", figure,
                ran <= 0.05 * cut + 40 and not defects)]  # fmt: skip


def deadlines(scale: Scale) -> list[Row]:
    """Row 8: deadlines hold under load."""
    source = random.Random(5)
    with serve() as server:
        one = float(server.ask("word " * 200 + "[MASK]").headers["x-inference-time"]) / 1000
        load = load_on(server, bodies_of(texts(50, 200, 200)))
        limits = [source.randint(1, 50) for _ in load.requests]
        load.requests = [
            made.replace(b"Host: localhost", b"Host: localhost\r\nx-request-timeout-ms: %d" % limit)
            for made, limit in zip(load.requests, limits, strict=True)
        ]
        times = poisson(scale.count(500, 50) / 5, 5, seed=2)
        results = run(open_loop(load, times))
    over = [result.latency - limits[result.which] / 1000 for result in results if result.status in (200, 504)]
    other = sum(result.status not in (200, 504, 429) for result in results)
    late = sum(result.status == 504 for result in results)
    worst = percentile(over, 0.99)
    figure = (f"{late} of {len(results)} got 504; p99 of the responses came {worst * 1000:+.0f} ms after the deadline, "
              f"a run takes {one * 1000:.0f} ms; {other} other statuses")  # fmt: skip
    criterion, passed = "p99 ≤ deadline + 100 ms; 200, 429, 504 only", worst <= 0.1 and not other
    return [Row("faults", "requests with deadlines of 1 to 50 ms under load", criterion, figure, passed)]


SLOW = {
    "headers": (HEAD, b"X: y\r\n"),
    "bodies": (HEAD + b"Content-Length: 1000\r\n\r\n", b"y"),
    "readers": (b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 40, b""),
}


def slow_clients(scale: Scale) -> list[Row]:
    """Row 9: slow clients are disconnected in time and do not disturb a normal one.

    A client has ten seconds. The server needs another one to begin 3,200 responses.
    """
    count, latencies, done = scale.count(80, 10), [], threading.Event()
    with serve("--max-connections", "300") as server:
        alone = _normal_client(server, threading.Event(), 2)
        normal = threading.Thread(target=lambda: latencies.extend(_normal_client(server, done, 60)))
        normal.start()
        slow = [(_open(server, begin), drip) for begin, drip in SLOW.values() for _ in range(count)]
        longest = _dripped(slow, time.monotonic())
        done.set()
        normal.join()
    failed = latencies.count(FAILED)
    p99, before = percentile(latencies, 0.99), percentile(alone, 0.99)
    figure = (f"{3 * count} slow ones, the last closed after {longest:.1f} s; a normal client beside them: "
              f"{failed} of {len(latencies)} failed, p99 {p99 * 1e3:.1f} ms, alone {before * 1e3:.1f} ms")  # fmt: skip
    criterion, passed = "closed ≤ 12 s; normal client 100 %", longest <= 12 and not failed
    return [Row("faults", "slow headers, slow bodies, clients that do not read", criterion, figure, passed)]


def _open(server: Served, begin: bytes) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.connect(server.address)
    connection.sendall(begin)
    connection.setblocking(False)
    return connection


def _dripped(slow: list[tuple[socket.socket, bytes]], start: float) -> float:
    longest = 0.0
    while slow and time.monotonic() - start < 30:
        time.sleep(0.2)
        for connection, drip in list(slow):
            try:
                connection.send(drip or b"\r\n")
                closed = drip != b"" and connection.recv(65536) == b""
            except BlockingIOError:
                closed = False
            except OSError:
                closed = True
            if closed:
                longest = time.monotonic() - start
                slow.remove((connection, drip))
                connection.close()
    return longest if not slow else float("inf")


def _normal_client(server: Served, done: threading.Event, seconds: float) -> list[float]:
    """The latencies of requests, one each fifth of a second; a request that fails has FAILED."""
    latencies, end = [], time.monotonic() + seconds
    while not done.wait(0.2) and time.monotonic() < end:
        start, status = time.perf_counter(), 0
        with contextlib.suppress(OSError, http.client.HTTPException):
            status = server.ask(TEXT).status
        latencies.append(time.perf_counter() - start if status == 200 else FAILED)
    return latencies


FEW_FILES = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))"


def recoveries(scale: Scale) -> list[Row]:
    """Row 23: a process that was stopped, and one with too few open files, recover."""
    rows = []
    with serve() as server:
        server.process.send_signal(signal.SIGSTOP)
        time.sleep(scale.seconds(5, 0.5))
        server.process.send_signal(signal.SIGCONT)
        rows.append(_recovery(server, "stopped by SIGSTOP for 5 s"))
    with serve(prelude=FEW_FILES) as server:
        crowd = [server.connect() for _ in range(100)]
        time.sleep(0.5)
        for connection in crowd:
            connection.close()
        rows.append(_recovery(server, "100 connections with 64 open files allowed"))
    return rows


def _recovery(server: Served, name: str) -> Row:
    start, status = time.monotonic(), 0
    while status != 200 and time.monotonic() - start < 10:
        with contextlib.suppress(OSError):
            status = server.ask(TEXT).status
    took = time.monotonic() - start
    return Row("faults", name, "responds again ≤ 5 s", f"responded after {took:.2f} s", status == 200 and took <= 5)


MEASURES = (connects, endings, disconnects, deadlines, slow_clients, recoveries)
