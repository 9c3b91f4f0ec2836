"""How many values a JSON body may have, counted before it is parsed.

A parser holds the GIL, and so stops the event loop, for as long as a body has values. An error for each of 500,000
values took 4 s.
"""

from __future__ import annotations

from fillmask.server.http_errors import HttpError
from fillmask.server.settings import Settings

# Members besides the texts and targets: options, and what is ignored with a warning.
_OTHERS = 2000


def check_values(content: bytes, settings: Settings) -> None:
    """Check how many values a body has: strings, and what else begins with a bracket or follows a comma.

    Args:
        content: JSON, or anything else.
        settings: The limits of texts and targets.

    Raises:
        HttpError: 413.
    """
    most = max(settings.max_texts, settings.max_stream_texts) + settings.max_targets + _OTHERS
    if len(content) <= most:
        return
    plain = content.replace(b"\\\\", b"").replace(b'\\"', b"")
    values = plain.count(b'"') // 2
    if values <= most:
        outside = b"".join(plain.split(b'"')[::2])
        values = max(values, sum(outside.count(sign) for sign in (b",", b"[", b"{")))
    if values > most:
        raise HttpError(413, f"the body has at most {most} JSON values, got {values}; send fewer texts at a time")
