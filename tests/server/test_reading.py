"""What a connection reads while a request runs, and between requests."""

import asyncio

from tests.support.scripted import Hub, play

BOUND = 400_000  # one read has 256 KiB at most


def post(path, size):
    return b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (path, size) + b"x" * size


def flood(wire, most):
    """Send as much as the server reads; return how many bytes that was."""
    taken = 0
    while wire.reads and taken < most:
        wire.protocol.data_received(b"x" * 50_000)
        taken += 50_000
    return taken


def test_what_a_connection_sends_behind_a_large_body_is_bounded():
    async def scenario():
        wire = Hub().connect()
        last = post(b"/3", 1_000_000)
        wire.protocol.data_received(post(b"/1", 0) + post(b"/2?50", 70_000) + last[:1000])
        await asyncio.sleep(1)
        wire.send()
        assert wire.sent.count(b"HTTP/1.1 200 ") == 1  # the second request runs
        taken = flood(wire, 100 * BOUND)
        assert taken < BOUND
        await asyncio.sleep(50)
        assert wire.reads
        wire.protocol.data_received(last[1000 + taken :])
        await asyncio.sleep(1)
        wire.send()
        assert wire.sent.count(b"HTTP/1.1 200 ") == 3

    play(scenario)


def test_a_body_that_the_application_does_not_take_is_bounded():
    async def scenario():
        wire = Hub().connect()
        wire.protocol.data_received(post(b"/1", 1_000_000)[:1000])
        assert flood(wire, 900_000) < BOUND
        await asyncio.sleep(1)
        assert wire.reads

    play(scenario)
