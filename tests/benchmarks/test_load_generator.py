"""The load generator, against a server whose every answer the test says."""

import asyncio
import contextlib
import itertools
import threading

import pytest

from benchmarks.serving.load import Load, closed_loop, open_loop, percentile, poisson, run

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
BUSY = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"


class Server:
    """Answers its n-th request by ``answer(n)``, after a delay, or ``delay(path)``; None closes the connection."""

    def __init__(self, answer, delay):
        self.answer = answer
        self.delay = delay if callable(delay) else lambda _: delay
        self.asked, self.port, self.ready, self.stop = [], None, threading.Event(), asyncio.Event()

    async def serve(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError), contextlib.closing(writer):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.asked.append(id(writer))
                await asyncio.sleep(self.delay(head.split()[1]))
                content = self.answer(len(self.asked))
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
    """No connection is served any more."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in others:
            task.cancel()
        await asyncio.wait(others)
    await asyncio.sleep(0)


@contextlib.contextmanager
def answering(answer, *, delay=0.0):
    """The load on a server, and the connections over which it was asked."""
    loop, server = asyncio.new_event_loop(), Server(answer, delay)
    thread = threading.Thread(target=loop.run_until_complete, args=(server.main(),))
    thread.start()
    server.ready.wait(10)
    try:
        yield Load("127.0.0.1", server.port, [b""]), server.asked
    finally:
        loop.call_soon_threadsafe(server.stop.set)
        thread.join()
        loop.run_until_complete(ended())
        loop.close()


def test_every_request_has_its_reply_over_connections_that_are_kept():
    with answering(lambda number: OK if number % 3 else BUSY) as (load, asked):
        replies = run(open_loop(load, [0.02 * number for number in range(30)]))
    assert [reply.status for reply in replies].count(429) == 10
    assert all(reply.retry_after == (reply.status == 429) for reply in replies)
    assert len(set(asked)) < 10


def test_a_latency_counts_from_when_the_request_was_due():
    with answering(lambda _: OK, delay=0.2) as (load, _):
        replies = run(open_loop(load, [0.0, 0.01, 0.02]))
    assert all(0.2 <= reply.latency < 2 for reply in replies)
    assert [reply.due for reply in replies] == [0.0, 0.01, 0.02]


def test_a_closed_loop_sends_no_more_than_its_clients():
    with answering(lambda _: OK, delay=0.05) as (load, asked):
        replies = run(closed_loop(load, 4, 0.5))
    assert len(replies) == len(asked) <= 4 * 11
    assert len(set(asked)) == 4


def test_clients_that_are_answered_sooner_do_not_ask_easier_questions_more_often():
    with answering(lambda number: OK, delay=lambda path: 0.1 if path == b"/long" else 0.0) as (load, asked):
        load.requests = [b"POST /short HTTP/1.1\r\n\r\n", b"POST /long HTTP/1.1\r\n\r\n"]
        replies = run(closed_loop(load, 2, 0.5))
    sent = [[reply.which for reply in replies].count(which) for which in (0, 1)]
    assert sum(sent) == len(asked)
    assert abs(sent[0] - sent[1]) <= 2


def test_a_broken_connection_has_status_0_and_the_next_request_another_connection():
    with answering(lambda number: None if number == 2 else OK) as (load, asked):
        replies = run(open_loop(load, [0.0, 0.1, 0.2, 0.3]))
    assert [reply.status for reply in replies] == [200, 0, 200, 200]
    assert len(set(asked)) == 2


def test_nobody_there_has_status_0():
    assert [reply.status for reply in run(open_loop(Load("127.0.0.1", 9, [b""]), [0.0, 0.01]))] == [0, 0]


def test_it_gives_up_when_it_is_told():
    with answering(lambda number: BUSY if number == 3 else OK) as (load, asked):
        times = [0.05 * number for number in range(50)]
        replies = run(open_loop(load, times, give_up=lambda reply: reply.status != 200))
    assert 3 <= len(replies) == len(asked) < 10


def test_of_some_answers_one_body_is_kept():
    with answering(lambda _: OK) as (load, _):
        load.keep = 5
        replies = run(open_loop(load, [0.01 * number for number in range(20)]))
    assert [reply.body for reply in replies].count(b"hi") == 4


def test_no_times_no_replies():
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
