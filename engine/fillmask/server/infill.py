"""``/infill``: how its requests are checked and weighed, and how filled texts become JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fillmask.results import as_json
from fillmask.server.admission import weigh
from fillmask.server.infill_schema import InfillBody, InfillParameters
from fillmask.server.masked_reads import check_reads
from fillmask.server.registry import ServedModel
from fillmask.server.request import TaskRequest, known_members, read_top_k
from fillmask.server.result_limits import check_masks
from fillmask.server.service import Service, join_json
from fillmask.server.settings import Settings
from fillmask.tasks.infill import INFILL, MOST_LAYOUTS


def _arguments(parameters: InfillParameters, settings: Settings) -> dict[str, Any]:
    return known_members(parameters) | {"top_k": read_top_k(parameters.top_k, settings)}


def weigh_infill(request: TaskRequest, model: ServedModel, settings: Settings, *_: object) -> list[int]:
    """Estimate the tokens that each text runs: a row for each hypothesis and place.

    Raises:
        HttpError: 422, the texts have more masks or rows than allowed.
    """
    masks = check_masks(request, model.model, settings)
    reads = [_rows(count, request.arguments) for count in masks]
    remedy = "lower width, pieces, refine or top_k, or send fewer masks"
    check_reads(reads, request, settings, noun="rows to run", remedy=remedy)
    longest, size = model.model.max_length, model.bytes_per_token
    weights = zip(request.texts, masks, reads, strict=True)
    return [rows * min(longest, weigh(text, longest, size) + count * _most(request)) for text, count, rows in weights]


def _most(request: TaskRequest) -> int:
    """The largest number of pieces of a slot."""
    pieces: int | list[int] = request.arguments["pieces"]
    return max(pieces) if isinstance(pieces, list) else pieces


def _rows(masks: int, arguments: Mapping[str, Any]) -> int:
    """The rows of a search: of its first place one, of each other place one a hypothesis; and those of its sweeps."""
    pieces: int | list[int] = arguments["pieces"]
    width: int = 0 if arguments["order"] == "independent" else arguments["width"]
    sweeps: int = arguments["refine"] + 1 if arguments["refine"] else 0
    least, most = (min(pieces), max(pieces)) if isinstance(pieces, list) else (pieces, pieces)
    layouts = min(MOST_LAYOUTS, (most - least + 1) ** min(masks, 8))
    searched = 1 + max(0, masks * most - 1) * width
    refined = sweeps * masks * most * max(1, int(arguments["top_k"]))
    rows: int = layouts * (searched + refined)
    return rows


INFILL_TEXTS = Service(
    verb=INFILL,
    body=InfillBody,
    parameters=InfillParameters,
    arguments=_arguments,
    parts=as_json,
    text=join_json,
    member="infills",
    limits_masks=False,
    weigh=weigh_infill,
)
