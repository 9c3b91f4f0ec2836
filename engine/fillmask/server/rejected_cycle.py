"""Replaces uvicorn's cycle of a request that got its response before its body. uvicorn drops such a body."""

from __future__ import annotations

import asyncio
from typing import Any


class _RejectedCycle:
    response_complete = True
    disconnected = False
    keep_alive = True
    message_event = asyncio.Event()


REJECTED: Any = _RejectedCycle()
