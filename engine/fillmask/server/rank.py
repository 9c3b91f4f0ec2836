"""``/rank``: how its requests are checked and weighed, and how rankings become JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fillmask.errors import CandidatesError
from fillmask.results import as_json
from fillmask.server.masked_reads import check_reads
from fillmask.server.rank_schema import RankBody, RankParameters
from fillmask.server.registry import ServedModel
from fillmask.server.request import TaskRequest, check_words, known_members
from fillmask.server.result_limits import check_masks
from fillmask.server.service import Service, join_json, weigh_texts
from fillmask.server.settings import Settings
from fillmask.tasks.rank import RANK, Parameters

_CANDIDATE_CHARACTERS = 256


def _arguments(parameters: RankParameters, settings: Settings) -> dict[str, Any]:
    check_candidates(parameters.candidates, "parameters.candidates", settings)
    return known_members(parameters)


def check_candidates(candidates: Sequence[str], where: str, settings: Settings) -> None:
    """Check the number and the lengths of candidates; see ``check_words``."""
    check_words(candidates, where, settings.max_candidates, _CANDIDATE_CHARACTERS, "candidate")


def weigh_rank(request: TaskRequest, model: ServedModel, settings: Settings, parameters: Parameters) -> list[int]:
    """Estimate the tokens that ranking runs: in each text a row for each prefix of the candidates and each mask.

    Raises:
        HttpError: 422, there are more masks or rows than allowed.
    """
    check_masks(request, model.model, settings)
    rows = [parameters.rows(text) for text in request.texts]
    remedy = "send fewer candidates or masks, or method 'parallel'"
    check_reads(rows, request, settings, noun="rows to run", remedy=remedy)
    pieces = parameters.most_pieces()
    tokens = (count + pieces for count in weigh_texts(request, model))
    most = model.model.max_length
    return [count * min(most, size) for count, size in zip(rows, tokens, strict=True)]


RANK_TEXTS = Service(
    verb=RANK,
    body=RankBody,
    parameters=RankParameters,
    arguments=_arguments,
    parts=as_json,
    text=join_json,
    member="ranking",
    fields={CandidatesError: "parameters.candidates"},
    limits_masks=False,
    weigh=weigh_rank,
)
