"""A client must read a response in time, and has this time also where its connection could be closed for another."""

import asyncio

import pytest

from tests.support.scripted import Hub, play

LIMIT = 10.0


def get(size):
    return b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % size


async def answered(wire, content):
    """Send a request, and let the application respond."""
    wire.protocol.data_received(content)
    await asyncio.sleep(0.001)
    assert wire.unsent


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("large", [1000, 100_000])
def test_a_response_has_its_own_deadline(late, large):
    async def scenario():
        wire = Hub(receive_timeout=LIMIT, keep_alive=60.0).connect()
        await answered(wire, get(1000))
        wire.send()
        await asyncio.sleep(0.9 * LIMIT)
        await answered(wire, get(large))
        await asyncio.sleep(0.9 * LIMIT)  # the deadline of the first one is over
        assert not wire.closing
        if not late:
            wire.send()
        await asyncio.sleep(0.2 * LIMIT)
        assert wire.aborted == late

    play(scenario)


def test_a_client_that_reads_each_response_in_time_is_never_cut():
    async def scenario():
        wire = Hub(receive_timeout=LIMIT, keep_alive=60.0).connect()
        for size in (1000, 100_000) * 20:
            await answered(wire, get(size))
            wire.send(500)
            await asyncio.sleep(0.7 * LIMIT)
            assert not wire.closing
            wire.send()

    play(scenario)


@pytest.mark.parametrize("size", [1000, 100_000])
def test_a_client_that_does_not_read_to_the_end_is_cut(size):
    async def scenario():
        wire = Hub(receive_timeout=LIMIT, keep_alive=60.0).connect()
        await answered(wire, get(size))
        for _ in range(10):
            assert not wire.closing
            wire.send(len(wire.unsent) // 2)
            await asyncio.sleep(0.11 * LIMIT)
        assert wire.aborted

    play(scenario)


@pytest.mark.parametrize("content", [b"nonsense\r\n\r\n", b"POST /0 HTTP/1.1\r\nContent-Length: 1\r\n\r\nx"])
def test_a_client_that_does_not_read_an_error_is_cut(content):
    async def scenario():
        hub = Hub(receive_timeout=LIMIT, keep_alive=60.0)
        hub.full.return_value = True
        wire = hub.connect()
        await answered(wire, content)
        await asyncio.sleep(1.1 * LIMIT)
        assert wire.aborted

    play(scenario)


def test_a_connection_is_not_closed_for_another_while_its_response_is_being_sent():
    async def scenario():
        hub = Hub(max_connections=2)
        sending = hub.connect()
        await answered(sending, get(1000))
        idle, third = hub.connect(), hub.connect()
        assert (sending.closing, idle.aborted, third.closing) == (False, True, False)
        await answered(third, get(100_000))
        refused = hub.connect()
        assert refused.unsent.startswith(b"HTTP/1.1 429 ")
        assert (sending.closing, third.closing) == (False, False)
        sending.send()
        assert sending.sent.endswith(b"x" * 1000)
        refused.send()
        await asyncio.sleep(0.001)
        last = hub.connect()
        assert (sending.aborted, third.closing, last.closing) == (True, False, False)

    play(scenario)


def test_responses_of_a_full_queue_do_not_pile_up_for_a_client_that_does_not_read():
    async def scenario():
        hub = Hub()
        hub.full.return_value = True
        wire, sent = hub.connect(), 0
        while wire.reads and sent < 1000:
            wire.protocol.data_received(b"POST /1 HTTP/1.1\r\nContent-Length: 1\r\n\r\nx" * 100)
            sent += 100
            for _ in range(100):
                await asyncio.sleep(0)
        assert not wire.reads
        assert len(wire.unsent) < 70_000
        while wire.unsent:
            wire.send()
            await asyncio.sleep(0.001)
        assert wire.reads
        assert wire.sent.count(b"HTTP/1.1 ") == sent

    play(scenario)
