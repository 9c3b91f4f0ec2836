"""What pages of other sites may do through a user's browser: nothing, unless a setting names them.

A browser sends requests for any page. It cannot read a key, but a server on loopback usually has none. Two checks keep
other sites out. A foreign ``Origin`` (or ``Sec-Fetch-Site: cross-site``) may not send work. A ``Host`` that is no name
of this machine is one that another site has pointed here (DNS rebinding). Its page would count as the server's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.responses import Response

from fillmask.server.http_errors import HttpError, shortened
from fillmask.server.settings import Settings

Headers = Mapping[bytes, bytes]
_METHODS = "GET, HEAD, POST, OPTIONS"
_REQUEST_HEADERS = "accept, authorization, content-type, traceparent, x-request-id, x-request-timeout-ms"
_READABLE = b"retry-after, x-compute-tokens, x-request-id, x-total-time, x-warnings"


class Browsers:
    """Checks the headers that browsers add.

    Args:
        settings: Allowed hosts and origins.
        keyed: Whether the server has keys. A page under another name has none, so any host may then be named.
    """

    def __init__(self, settings: Settings, *, keyed: bool) -> None:
        self._any_host = not settings.allowed_host and (keyed or not settings.loopback)
        self._hosts = {"localhost", settings.host.lower(), *(host.lower() for host in settings.allowed_host)}
        self._origins = {origin.lower().rstrip("/") for origin in settings.cors_origin}

    def check(self, method: str, headers: Headers) -> HttpError | None:
        """Return why a request may not proceed, None if it may."""
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if host and not self._any_host and not self._known(host):
            return HttpError(403, f"the host {shortened(host)} is not allowed here; allow it with --allowed-host")
        if method in ("GET", "HEAD"):  # they change nothing, and the page cannot read the response
            return None
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        if origin and _host_of(origin) != host and not self._allows(origin):
            return HttpError(403, f"the origin {shortened(origin)} is not allowed here; allow it with --cors-origin")
        if not origin and headers.get(b"sec-fetch-site") == b"cross-site":
            return HttpError(403, "requests of other sites are not allowed here; allow their origin with --cors-origin")
        return None

    def preflight(self, method: str, headers: Headers) -> Response | None:
        """Return the response to a browser that requests permission before a request of another site."""
        if method != "OPTIONS" or b"access-control-request-method" not in headers or not self.headers(headers):
            return None
        allowed = {"access-control-allow-methods": _METHODS, "access-control-allow-headers": _REQUEST_HEADERS}
        return Response(status_code=204, headers=allowed | {"access-control-max-age": "600"})

    def headers(self, headers: Headers) -> list[tuple[bytes, bytes]]:
        """Return the headers that let a page of an allowed origin read the response."""
        origin = headers.get(b"origin")
        if not self._origins or origin is None or not self._allows(origin.decode("latin-1").lower()):
            return []
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _READABLE),
            (b"vary", b"origin"),
        ]

    def lines(self, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        """Return the same headers as lines, for a response that the protocol writes."""
        if not self._origins:
            return b""
        return b"".join(b"%s: %s\r\n" % header for header in self.headers(dict(headers)))

    def _allows(self, origin: str) -> bool:
        return origin in self._origins or "*" in self._origins

    def _known(self, host: str) -> bool:
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if name in self._hosts or name.endswith(".localhost"):
            return True
        try:  # a browser resolves no address, so no other site can be behind one
            ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True


def _host_of(origin: str) -> str:
    """Return host and port of an origin; empty if it has none, as ``null``."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
