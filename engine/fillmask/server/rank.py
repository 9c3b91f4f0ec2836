"""``/rank``: how its requests are received and weighed, and how rankings become JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from starlette.requests import Request

from fillmask.errors import CandidatesError
from fillmask.results import as_json
from fillmask.server.http_errors import HttpError
from fillmask.server.rank_schema import RankBody, RankParameters
from fillmask.server.registry import ServedModel
from fillmask.server.request import TaskRequest, known_members, receive
from fillmask.server.result_limits import check_masks
from fillmask.server.service import Service, join_json, weigh_texts
from fillmask.server.settings import Settings
from fillmask.tasks.rank import RANK, Parameters, Ranking

_CANDIDATE_CHARACTERS = 256


class Rows(Protocol):
    """Parameters that know how many rows a text takes."""

    def rows(self, text: str) -> int:
        """Count the rows of a text."""


async def receive_rank(request: Request, settings: Settings) -> TaskRequest:
    """Receive and check a request for rankings; see ``receive``."""
    return await receive(request, settings, RankBody, RankParameters, _arguments)


def _arguments(parameters: RankParameters, settings: Settings) -> dict[str, Any]:
    check_words(parameters.candidates, "parameters.candidates", settings)
    return known_members(parameters)


def check_words(words: Sequence[str], where: str, settings: Settings) -> None:
    """Check the number and the lengths of candidates.

    Raises:
        HttpError: 422.
    """
    if len(words) > settings.max_candidates:
        raise HttpError(422, f"{where}: at most {settings.max_candidates} candidates, got {len(words)}")
    for index, word in enumerate(words):
        if len(word) > _CANDIDATE_CHARACTERS:
            allowed = f"a candidate has at most {_CANDIDATE_CHARACTERS} characters"
            raise HttpError(422, f"{where}[{index}]: {allowed}, got {len(word)}")


def weigh_rank(request: TaskRequest, model: ServedModel, settings: Settings, parameters: Parameters) -> list[int]:
    """Estimate the tokens that ranking runs: in each text a row for each prefix of the candidates and each mask.

    Raises:
        HttpError: 422, there are more masks or rows than allowed.
    """
    check_masks(request, model.model, settings)
    rows = count_rows(request, settings, parameters)
    pieces = parameters.most_pieces()
    tokens = (count + pieces for count in weigh_texts(request, model))
    most = model.model.max_length
    return [count * min(most, size) for count, size in zip(rows, tokens, strict=True)]


def count_rows(request: TaskRequest, settings: Settings, parameters: Rows) -> list[int]:
    """Count the rows of each text.

    Raises:
        HttpError: 422, the texts of a request, or of a stream one text, have more rows than allowed.
    """
    rows = [parameters.rows(text) for text in request.texts]
    if (most := max(rows, default=0) if request.stream else sum(rows)) > settings.max_reads:
        allowed = f"{'a text' if request.stream else 'a request'} takes at most {settings.max_reads} rows"
        fewer = "send fewer candidates, masks or texts, or method 'parallel'"
        raise HttpError(422, f"parameters: {allowed}, got {most}; {fewer}")
    return rows


def _parts(value: Ranking) -> Iterable[Any]:
    """Give the candidates of each mask."""
    documents: list[Any] = as_json(value)
    return documents


RANK_TEXTS = Service(
    verb=RANK,
    receive=receive_rank,
    parts=_parts,
    text=join_json,
    member="ranking",
    fields={CandidatesError: "parameters.candidates"},
    limits_masks=False,
    weigh=weigh_rank,
)
