"""Requests for an upgrade to another protocol, such as h2c, are served as what they are in HTTP/1.1.

The parser takes such a request to end with its headers, since what follows would be another protocol. So its headers
are parsed again without the one that requests the upgrade (RFC 9110 section 7.8: a server may ignore it).
"""

from __future__ import annotations

from collections.abc import Sequence

import httptools


def head_without_upgrade(
    parser: httptools.HttpRequestParser, url: bytes, headers: Sequence[tuple[bytes, bytes]]
) -> bytes:
    """Write the head of the parsed request without its ``upgrade`` header.

    Raises:
        ValueError: The method is CONNECT, which is an upgrade by itself.
    """
    method = parser.get_method()
    if method == b"CONNECT":
        raise ValueError("there is nothing to connect to")
    line = b"%s %s HTTP/%s\r\n" % (method, url, parser.get_http_version().encode())
    kept = (b"%s: %s\r\n" % header for header in headers if header[0] != b"upgrade")
    return b"".join([line, *kept, b"\r\n"])
