"""What a connection reads while a request runs, and between requests."""

import asyncio

import pytest

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


@pytest.mark.parametrize(("behind", "reads"), [
    (b"\r\n", True), (post(b"/2", 100), True), (post(b"/2", 16_000)[:16_383], True), (post(b"/2", 17_000), False),
    (b"\r\n" * 8192, True), (b"\r\n" * 20_000, False),
])  # fmt: skip
def test_while_little_waits_behind_a_request_the_end_of_the_connection_is_seen(behind, reads):
    async def scenario():
        wire = Hub().connect()
        wire.protocol.data_received(post(b"/1?5", 0))
        for start in range(0, len(behind), 1000):
            wire.protocol.data_received(behind[start : start + 1000])
        assert wire.reads == reads

    play(scenario)


@pytest.mark.parametrize("lines", [b"\r\n", b"\n", b"\r"])
def test_blank_lines_do_not_change_when_an_idle_connection_is_closed(lines):
    async def scenario():
        wire = Hub(keep_alive=5.0, receive_timeout=2.0).connect()
        wire.protocol.data_received(post(b"/1?9", 0) + lines)
        await asyncio.sleep(9.05)
        for _ in range(7):
            wire.protocol.data_received(lines)
            await asyncio.sleep(0.7)
            wire.send()
        assert not wire.closing
        await asyncio.sleep(0.1)
        assert wire.closing
        assert wire.sent.count(b"HTTP/1.1") == 1

    play(scenario)


@pytest.mark.parametrize("step", [1, 2, 3, 50, 1000])
def test_blank_lines_may_come_between_requests(step):
    async def scenario():
        wire = Hub().connect()
        content = b"\r\n".join([b"", post(b"/1", 3), b"", post(b"/20", 70_000), b"\n\r\r\n", post(b"/300", 0), b""])
        for start in range(0, len(content), step):
            wire.protocol.data_received(content[start : start + step])
            await asyncio.sleep(0)
        await asyncio.sleep(1)
        wire.send()
        assert wire.sent.count(b"HTTP/1.1 200 ") == 3

    play(scenario)


def test_blank_lines_are_no_more_than_headers_may_be():
    async def scenario():
        wire = Hub().connect()
        while not wire.closing:
            wire.protocol.data_received(b"\r\n" * 100)
            assert wire.protocol.loop.time() == 0
        assert wire.unsent.startswith(b"HTTP/1.1 431 ")

    play(scenario)
