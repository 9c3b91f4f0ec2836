"""Scores of mutants against their wild type, under four definitions: see ``Marginals.variants``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from fillmask.errors import InputError
from fillmask.masking import masked_read
from fillmask.model import Model
from fillmask.tasks import Read, Reading, Result, Task, read_all
from fillmask.text_tokens import TextTokens

Fill: TypeAlias = Literal["wild", "mask", "mutant", "match"]
_MUTATION = re.compile(r"(?P<wild>[^\d:,]+?)(?P<number>-?\d+)(?P<mutant>[^\d:,]+)", re.ASCII)


class Mutation(NamedTuple):
    """A changed position; ``wild`` and ``mutant`` are indices into the alphabet."""

    position: int
    wild: int
    mutant: int


Mutant: TypeAlias = tuple[Mutation, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Wild:
    """A wild type that was read, and what further reads of it need.

    Attributes:
        model: The model.
        tokens: Its tokens.
        reading: Reads the alphabet.
        alphabet_ids: ``int64[A]``.
        masked: Whether each position was masked while it was read.
    """

    model: Model
    tokens: TextTokens
    reading: Reading
    alphabet_ids: NDArray[np.int64]
    masked: bool


def parse_mutant(text: object, tokens: Sequence[str], letters: Mapping[str, int], offset: int) -> Mutant:
    """Parse a mutant such as ``"A24G:K30R"``.

    Args:
        text: Mutations, separated by ``:`` or ``,``: the wild-type letter, the number of the position, the new letter.
        tokens: The wild type.
        letters: The index of each letter of the alphabet.
        offset: The number of the first position.

    Raises:
        InputError: It is malformed, does not fit the wild type, changes a position twice, or has other letters.
    """
    if not isinstance(text, str):
        raise InputError(f"a variant must be a string such as 'A24G', got {text!r}")
    mutant = tuple(_parse_mutation(part, tokens, letters, offset) for part in re.split("[:,]", text))
    if len({mutation.position for mutation in mutant}) < len(mutant):
        raise InputError(f"the variant {text!r} changes a position twice")
    return mutant


def score_mutants(
    wild: Wild, mutants: Sequence[Mutant], log_probs: NDArray[np.float32], fill: Fill
) -> Task[NDArray[np.float64]]:
    """Score mutants; ``"wild"`` needs no rows.

    Args:
        wild: The wild type.
        mutants: The mutants.
        log_probs: Of the wild type, ``float32[n, A]``.
        fill: See ``Marginals.variants``.

    Returns:
        ``float64[v]``, in nats.

    Raises:
        InputError: ``fill`` is unknown, or not possible for this wild type.
    """
    check_fill(wild, fill)
    rows = [] if fill == "wild" else [row for mutant in mutants for row in _rows(mutant, fill)]
    read = yield from read_all(_reads(wild, rows))
    found = iter(np.concatenate(read) if read else ())
    scores = []
    for mutant in mutants:
        at_wild = log_probs[[mutation.position for mutation in mutant]].astype(np.float64)
        filled = at_wild if fill == "wild" else np.array([next(found) for _ in mutant], dtype=np.float64)
        scores.append(_score(mutant, filled, at_wild if fill == "match" else filled))
    return Result(np.array(scores, dtype=np.float64))


class _Row(NamedTuple):
    """A row of a mutant: what is put in, what is masked and read."""

    put: Mutant
    masked: Sequence[int]


def _rows(mutant: Mutant, fill: Fill) -> list[_Row]:
    positions = [mutation.position for mutation in mutant]
    return [_Row((), positions)] if fill == "mask" else [_Row(mutant, [position]) for position in positions]


def _reads(wild: Wild, rows: Sequence[_Row]) -> Iterator[Read]:
    for row in rows:
        ids = wild.tokens.ids.copy()
        ids[[mutation.position for mutation in row.put]] = wild.alphabet_ids[[mutation.mutant for mutation in row.put]]
        yield masked_read(wild.model, wild.tokens._replace(ids=ids), row.masked, row.masked, wild.reading)


def _score(mutant: Mutant, of_mutant: NDArray[np.float64], of_wild: NDArray[np.float64]) -> float:
    places = range(len(mutant))
    gained = of_mutant[places, [mutation.mutant for mutation in mutant]]
    lost = of_wild[places, [mutation.wild for mutation in mutant]]
    return float((gained - lost).sum())


def check_fill(wild: Wild, fill: object) -> None:
    """Check what stands at the other mutated positions while one is read.

    Raises:
        InputError: It is unknown, or not possible for this wild type.
    """
    if fill not in get_args(Fill):
        raise InputError(f"fill must be one of {', '.join(map(repr, get_args(Fill)))}, got {fill!r}")
    if fill == "wild":
        return
    if not wild.masked:
        raise InputError(
            f"fill {fill!r} masks the mutated positions, and these marginals were read unmasked; read them masked, or "
            f"take fill 'wild'"
        )
    if wild.tokens.ids.size > wild.model.encoder.windows.size:
        raise InputError(f"fill {fill!r} compares whole texts, and this one was read in windows; take fill 'wild'")


def _parse_mutation(part: str, tokens: Sequence[str], letters: Mapping[str, int], offset: int) -> Mutation:
    match = _MUTATION.fullmatch(part.strip())
    if match is None:
        raise InputError(f"{part!r} is not a mutation such as 'A24G'")
    position = int(match["number"]) - offset
    if not 0 <= position < len(tokens):
        last = offset + len(tokens) - 1
        raise InputError(f"{part!r}: there is no position {match['number']}; they run from {offset} to {last}")
    if (own := tokens[position]) != match["wild"]:
        whose = "" if len(own) == 1 else ", or take a model that reads one letter a token"
        raise InputError(f"{part!r}: position {match['number']} is {own!r}; check the offset ({offset}){whose}")
    for letter in (match["wild"], match["mutant"]):
        if letter not in letters:
            raise InputError(f"{part!r}: {letter!r} is not in the alphabet")
    return Mutation(position, letters[match["wild"]], letters[match["mutant"]])
