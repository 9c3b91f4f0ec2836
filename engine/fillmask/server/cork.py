"""Sends the head of a response together with its body: one system call, and one wake-up of the client.

uvicorn writes one after the other, and uvloop sends each at once.
"""

from __future__ import annotations

import asyncio


class Cork:
    """A connection's transport that can keep the head of a response. It has the methods that the protocol calls.

    Args:
        transport: The transport.

    Attributes:
        written: Bytes that the transport got.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._keeps = False
        self._head = b""
        self.written = 0
        self.abort, self.is_closing = transport.abort, transport.is_closing
        self.get_write_buffer_size = transport.get_write_buffer_size

    @property
    def sent(self) -> int:
        """Bytes that the system has taken from the transport."""
        return self.written - self.get_write_buffer_size()

    def keep(self) -> None:
        """Keep what is written next until more is written, or until ``release``."""
        self._keeps = True

    def write(self, data: bytes) -> None:
        """Send bytes, behind what was kept."""
        if self._keeps:
            self._keeps, self._head = False, data
        elif self._head:
            head, self._head = self._head, b""
            self.written += len(head) + len(data)
            self._transport.writelines((head, data))
        else:
            self.written += len(data)
            self._transport.write(data)

    def release(self) -> None:
        """Send what was kept, if no more was written: a response to HEAD has no body."""
        if self._head and not self.is_closing():
            self.write(b"")

    def close(self) -> None:
        """Close the connection behind what was kept."""
        self.release()
        self._transport.close()
