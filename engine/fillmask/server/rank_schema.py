"""JSON types of ``/rank``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from fillmask.server.schema import Body, Line, Parameters, Strings

_TEXT = {"example": "Paris is the [MASK] of France."}


class RankParameters(Parameters):
    """Parameters that hold for every text of a request."""

    candidates: Strings = Field(description="Words or phrases of any number of tokens; duplicates count once.")
    method: Literal["l2r", "parallel"] = Field(
        "l2r", description="What is masked while a piece is read: it and the later pieces, or all pieces."
    )
    normalize: Literal["pieces", "characters"] | None = Field(
        None, description="Compare means of the log probability over these rather than sums."
    )
    truncation: Literal["window"] | None = Field(
        None, description="Keep the tokens around the slot of a too long text. Without it such a text is an error."
    )


class RankBody(Body):
    """A request for a ranking."""

    inputs: Annotated[str, Field(json_schema_extra=_TEXT)] | Strings = Field(
        description="A text with at least one mask, or a list of such texts. Masks that are glued are one slot."
    )
    parameters: RankParameters


class RankedCandidate(BaseModel):
    """A candidate at a slot. Positions count code points, not the UTF-16 units of JavaScript."""

    text: str = Field(description="The candidate, as it was sent.")
    log_prob: float | None = Field(description="The sum over its pieces; null for minus infinity.")
    score: float = Field(description="A softmax over the candidates of a slot.")
    pieces: int = Field(description="How many tokens it has.")
    token_ids: list[int]
    start: int = Field(description="Where the slot begins in the text.")
    end: int = Field(description="Where it ends there.")


Ranking = list[list[RankedCandidate]]
Rankings = Ranking | list[Ranking]
"""One text: a list for each slot. A list of texts: the ranking of each."""


class RankLine(Line):
    """One line of application/x-ndjson: the ranking of one text."""

    ranking: Ranking | None = None
