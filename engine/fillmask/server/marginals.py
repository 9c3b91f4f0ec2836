"""``/marginals``: how its requests are checked and weighed, and how marginals become JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np

from fillmask.server.marginals_schema import MarginalsBody, MarginalsParameters
from fillmask.server.masked_reads import count_tokens, weigh_masked
from fillmask.server.registry import ServedModel
from fillmask.server.request import MAX_WORD_CHARACTERS, TaskRequest, check_words, known_members
from fillmask.server.service import Service, join_json, weigh_texts
from fillmask.server.settings import Settings
from fillmask.tasks.marginals import AMINO_ACIDS, MARGINALS, MOST_PROTEIN_TOKENS, Marginals, Parameters

# In JSON, as "-12.345678, ": few log probabilities have fewer.
_BYTES_A_NUMBER = 11
# To read, round and encode a hundred takes as long as a token of MiniLM.
_NUMBERS_A_TOKEN = 100
_DECIMALS = 6  # a float32 beyond 8 has no more


def _arguments(parameters: MarginalsParameters, settings: Settings) -> dict[str, Any]:
    alphabet = parameters.alphabet or ()
    check_words(alphabet, "parameters.alphabet", settings.max_targets, MAX_WORD_CHARACTERS, "token")
    return known_members(parameters)


def weigh_marginals(request: TaskRequest, model: ServedModel, settings: Settings, parameters: Parameters) -> list[int]:
    """Estimate the tokens that each text runs, and the time of its numbers as that of so many tokens.

    Raises:
        HttpError: 422, the texts have more rows than allowed.
    """
    tokens = _tokens(request, model, settings)
    size = model.model.vocab_size
    letters = len(parameters.alphabet or AMINO_ACIDS) if parameters.alphabet or size <= MOST_PROTEIN_TOKENS else size
    numbers = (min(count * letters, parameters.most_log_probs) for count in count_tokens(request, model))
    return [run + each // _NUMBERS_A_TOKEN for run, each in zip(tokens, numbers, strict=True)]


def _tokens(request: TaskRequest, model: ServedModel, settings: Settings) -> list[int]:
    """Estimate the tokens that run: as in a score, or with ``masked=False`` in rows that overlap by half."""
    if request.arguments["masked"]:
        return weigh_masked(request, model, settings)
    if request.arguments["truncation"] is None:
        return weigh_texts(request, model, settings)
    return [2 * count for count in count_tokens(request, model)]


def _bound(parameters: Parameters, settings: Settings) -> Parameters:
    """Limit the matrix to what a response holds."""
    return replace(parameters, most_log_probs=settings.max_response_bytes // _BYTES_A_NUMBER)


def _parts(value: Marginals) -> Iterator[Any]:
    yield value.tokens
    yield value.alphabet
    for row in value.log_probs:
        rounded = np.round(row.astype(np.float64), _DECIMALS)
        yield [value if isfinite(value) else None for value in rounded.tolist()]


def _text(parts: Sequence[bytes]) -> bytes:
    tokens, alphabet, *rows = parts
    return b'{"tokens": %s, "alphabet": %s, "log_probs": %s}' % (tokens, alphabet, join_json(rows))


MARGINALS_OF_TEXTS = Service(
    verb=MARGINALS,
    body=MarginalsBody,
    parameters=MarginalsParameters,
    arguments=_arguments,
    parts=_parts,
    text=_text,
    member="marginals",
    limits_masks=False,
    weigh=weigh_marginals,
    bound=_bound,
)
