"""``/score``: how its texts are weighed, and how scores become JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fillmask.results import as_json
from fillmask.server.masked_reads import weigh_masked
from fillmask.server.score_schema import ScoreBody, ScoreParameters
from fillmask.server.service import Service, only_part
from fillmask.tasks.score import SCORE, Score


def _parts(value: Score) -> Iterable[Any]:
    return (as_json(value),)


SCORE_TEXTS = Service(
    verb=SCORE,
    body=ScoreBody,
    parameters=ScoreParameters,
    parts=_parts,
    text=only_part,
    member="score",
    limits_masks=False,
    weigh=weigh_masked,
)
