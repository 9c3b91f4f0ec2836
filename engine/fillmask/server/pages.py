"""Pages for browsers: the playground and the API reference. They load nothing from other hosts."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

_FOLDER = Path(__file__).parent / "page"
_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)
_INCLUDED = re.compile(r'<(script|style) src="([a-z]+\.(?:js|css))"></\1>')


def make_page(file: str) -> Callable[[Request], Awaitable[Response]]:
    """Make the endpoint of a page from its file in ``page/``."""
    content = read_page(file)
    headers = {"content-security-policy": policy(content), "referrer-policy": "no-referrer"}

    async def page(_: Request) -> Response:
        return HTMLResponse(content, headers=headers)

    return page


def read_page(file: str) -> str:
    """Read a page; the scripts and styles that it includes become part of it, so that it takes one request."""

    def included(match: re.Match[str]) -> str:
        kind, name = match.groups()
        return f"<{kind}>{(_FOLDER / name).read_text(encoding='utf-8')}</{kind}>"

    return _INCLUDED.sub(included, (_FOLDER / file).read_text(encoding="utf-8"))


def policy(page: str) -> str:
    """Make the content security policy of a page: only its inline script and style, and its own server."""
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, content in _INLINE.findall(page):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        hashes[kind].append(f"'sha256-{digest}'")
    scripts, styles = (" ".join(hashes[kind]) or "'none'" for kind in ("script", "style"))
    return (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; connect-src 'self'; img-src data:; "
        f"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
