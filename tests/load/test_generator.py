"""The load generator, against a server with scripted responses."""

import asyncio
import contextlib
import itertools
import threading

import pytest

from tests.load.generator import Load, closed_loop, open_loop, percentile, poisson, run

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
BUSY = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"


class Server:
    """Sends ``response(n)`` to its n-th request, after ``delay`` or ``delay(path)``; None closes the connection."""

    def __init__(self, response, delay):
        self.response = response
        self.delay = delay if callable(delay) else lambda _: delay
        self.requests, self.port, self.ready, self.stop = [], None, threading.Event(), asyncio.Event()

    async def serve(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError), contextlib.closing(writer):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(writer)  # not its id, which a later connection may get
                await asyncio.sleep(self.delay(head.split()[1]))
                content = self.response(len(self.requests))
                if content is None:
                    return
                # In two pieces, as a network may deliver it.
                writer.write(content[:20])
                await writer.drain()
                await asyncio.sleep(0.001)
                writer.write(content[20:])

    async def main(self):
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        await self.stop.wait()
        server.close()


async def ended():
    """End every connection's task."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in others:
            task.cancel()
        await asyncio.wait(others)
    await asyncio.sleep(0)


@contextlib.contextmanager
def responding(response, *, delay=0.0):
    """A load on a server, and the connection of each request that the server received."""
    loop, server = asyncio.new_event_loop(), Server(response, delay)
    thread = threading.Thread(target=loop.run_until_complete, args=(server.main(),))
    thread.start()
    server.ready.wait(10)
    try:
        yield Load("127.0.0.1", server.port, [b""]), server.requests
    finally:
        loop.call_soon_threadsafe(server.stop.set)
        thread.join()
        loop.run_until_complete(ended())
        loop.close()


def test_every_request_has_its_result_over_connections_that_stay_open():
    with responding(lambda number: OK if number % 3 else BUSY) as (load, received):
        results = run(open_loop(load, [0.02 * number for number in range(30)]))
    assert [result.status for result in results].count(429) == 10
    assert all(result.retry_after == (result.status == 429) for result in results)
    assert len(set(received)) < 10


def test_a_latency_counts_from_when_the_request_was_due():
    with responding(lambda _: OK, delay=0.2) as (load, _):
        results = run(open_loop(load, [0.0, 0.01, 0.02]))
    assert all(0.2 <= result.latency < 2 for result in results)
    assert [result.due for result in results] == [0.0, 0.01, 0.02]


def test_a_closed_loop_sends_no_more_than_its_clients():
    with responding(lambda _: OK, delay=0.05) as (load, received):
        results = run(closed_loop(load, 4, 0.5))
    assert len(results) == len(received) <= 4 * 11
    assert len(set(received)) == 4


def test_requests_with_faster_responses_are_not_sent_more_often():
    with responding(lambda number: OK, delay=lambda path: 0.1 if path == b"/long" else 0.0) as (load, received):
        load.requests = [b"POST /short HTTP/1.1\r\n\r\n", b"POST /long HTTP/1.1\r\n\r\n"]
        results = run(closed_loop(load, 2, 0.5))
    sent = [[result.which for result in results].count(which) for which in (0, 1)]
    assert sum(sent) == len(received)
    assert abs(sent[0] - sent[1]) <= 2


def test_a_broken_connection_has_status_0_and_the_next_request_another_connection():
    with responding(lambda number: None if number == 2 else OK) as (load, received):
        results = run(open_loop(load, [0.0, 0.1, 0.2, 0.3]))
    assert [result.status for result in results] == [200, 0, 200, 200]
    assert len(set(received)) == 2


def test_a_port_without_a_server_has_status_0():
    assert [result.status for result in run(open_loop(Load("127.0.0.1", 9, [b""]), [0.0, 0.01]))] == [0, 0]


def test_it_gives_up_after_the_result_that_says_so():
    with responding(lambda number: BUSY if number == 3 else OK) as (load, received):
        times = [0.05 * number for number in range(50)]
        results = run(open_loop(load, times, give_up=lambda result: result.status != 200))
    assert 3 <= len(results) == len(received) < 10


def test_every_fifth_body_is_kept():
    with responding(lambda _: OK) as (load, _):
        load.keep = 5
        results = run(open_loop(load, [0.01 * number for number in range(20)]))
    assert [result.body for result in results].count(b"hi") == 4


def test_without_times_there_are_no_results():
    assert run(open_loop(Load("127.0.0.1", 9, [b""]), [])) == []


def test_arrivals_are_poisson():
    times = poisson(1000, 20, seed=1)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(times) == pytest.approx(20_000, rel=0.03)
    assert times == sorted(times)
    assert sum(gap > 0.001 for gap in gaps) / len(gaps) == pytest.approx(0.368, rel=0.03)
    assert times == poisson(1000, 20, seed=1) != poisson(1000, 20, seed=2)


def test_a_percentile():
    assert percentile(range(100), 0.99) == 99
    assert percentile([3, 1, 2], 0.5) == 2
