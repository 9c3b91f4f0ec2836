"""What a browser is shown: the page to try the model on, and the API's. Nothing is loaded from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.responses import HTMLResponse

_FOLDER = Path(__file__).parent / "page"
_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


def add(app: FastAPI) -> None:
    """Add ``GET /`` and ``GET /docs``."""
    for path, file in (("/", "playground.html"), ("/docs", "docs.html")):
        app.add_api_route(path, _page(file), methods=["GET"], include_in_schema=False)


def _page(file: str) -> Callable[[Request], Awaitable[Response]]:
    content = (_FOLDER / file).read_text(encoding="utf-8")
    headers = {"content-security-policy": policy(content), "referrer-policy": "no-referrer"}

    async def page(_: Request) -> Response:
        return HTMLResponse(content, headers=headers)

    return page


def policy(page: str) -> str:
    """The content security policy of a page: its own inline script and style, its own server, and nothing else."""
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, content in _INLINE.findall(page):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        hashes[kind].append(f"'sha256-{digest}'")
    scripts, styles = (" ".join(hashes[kind]) or "'none'" for kind in ("script", "style"))
    return (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; connect-src 'self'; img-src data:; "
        f"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
