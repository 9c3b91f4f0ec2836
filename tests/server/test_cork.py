"""The head of a response is sent with its body, and never stays behind."""

from unittest.mock import MagicMock, call

import pytest

from fillmask.server.cork import Cork
from tests.support.serving import raw


@pytest.fixture
def transport():
    transport = MagicMock()
    transport.is_closing.return_value = False
    return transport


def sent(transport):
    """What the transport was told to send: a list for each system call."""
    calls = [each for each in transport.mock_calls if each[0] in ("write", "writelines", "close")]
    return [
        b"".join(each.args[0]) if each[0] == "writelines" else each.args[0] if each.args else "close" for each in calls
    ]


def test_the_head_waits_for_the_body(transport):
    cork = Cork(transport)
    cork.keep()
    cork.write(b"head ")
    assert sent(transport) == []
    cork.write(b"body")
    cork.write(b"more")
    assert sent(transport) == [b"head body", b"more"]


@pytest.mark.parametrize("last", ["release", "close"])
def test_a_head_without_a_body_is_sent_at_the_end(transport, last):
    cork = Cork(transport)
    cork.keep()
    cork.write(b"head")
    getattr(cork, last)()
    assert sent(transport) == [b"head", *(["close"] if last == "close" else [])]


def test_a_closed_connection_drops_what_was_kept(transport):
    cork = Cork(transport)
    cork.keep()
    cork.write(b"head")
    transport.is_closing.return_value = True
    cork.close()
    assert transport.mock_calls[-1] == call.close()
    assert sent(transport) == ["close"]


def test_a_response_to_head_is_complete(server):
    reply = raw(server, b"HEAD /info HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 200 ")
    assert reply.endswith(b"\r\n\r\n")
    kept = raw(server, b"HEAD /info HTTP/1.1\r\nhost: localhost\r\n\r\nGET /health HTTP/1.0\r\nhost: localhost\r\n\r\n")
    assert kept.count(b"HTTP/1.1 200 ") == 2
