"""``/score``: how its requests are received and weighed, and how scores become JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request

from fillmask.results import as_json
from fillmask.server.masked_reads import weigh_masked
from fillmask.server.request import TaskRequest, receive
from fillmask.server.score_schema import ScoreBody, ScoreParameters
from fillmask.server.service import Service, only_part
from fillmask.server.settings import Settings
from fillmask.tasks.score import SCORE, Score


async def receive_score(request: Request, settings: Settings) -> TaskRequest:
    """Receive and check a request for scores; see ``receive``."""
    return await receive(request, settings, ScoreBody, ScoreParameters)


def _parts(value: Score) -> Iterable[Any]:
    return (as_json(value),)


SCORE_TEXTS = Service(
    verb=SCORE,
    receive=receive_score,
    parts=_parts,
    text=only_part,
    member="score",
    limits_masks=False,
    weigh=weigh_masked,
)
