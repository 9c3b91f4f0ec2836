"""JSON types of ``/infill``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from fillmask.server.schema import Body, Line, Parameters, Strings

_TEXT = {"example": "The [MASK] is the capital of [MASK]."}
_Number = Annotated[int, Field(ge=1, le=16)]


class InfillParameters(Parameters):
    """Parameters that hold for every text of a request."""

    top_k: int | None = Field(None, description="Filled texts, at most; default 5.")
    order: Literal["left", "confident", "independent"] = Field(
        "left", description="Which token is chosen first: the left one, the most confident one, or each by itself."
    )
    width: int = Field(8, ge=1, le=64, description="Hypotheses that go on after each token. No effect if independent.")
    pieces: _Number | Annotated[list[_Number], Field(min_length=2, max_length=2)] = Field(
        1, description="Tokens of a slot of one mask, or the least and the most.", json_schema_extra={"example": 1}
    )
    refine: int = Field(0, ge=0, le=16, description="Sweeps in which each token is masked and chosen again.")
    words: bool = Field(True, description="Whether whole words are written; false allows every token.")
    normalize: Literal["pieces"] | None = Field(
        "pieces", description="How texts are compared: by the mean log probability over pieces, or by the sum."
    )
    truncation: Literal["window"] | None = Field(
        None, description="Read the tokens around the slots of a too long text. Without it such a text is an error."
    )


class InfillBody(Body):
    """A request to fill texts."""

    inputs: Annotated[str, Field(json_schema_extra=_TEXT)] | Strings = Field(
        description="A text, or a list of texts. Masks that are glued to each other are one slot."
    )
    parameters: InfillParameters | None = None


class Fill(BaseModel):
    """What stands at one slot. Positions count code points, not the UTF-16 units of JavaScript."""

    text: str
    start: int
    end: int
    log_prob: float | None = Field(description="The sum over its tokens; null for minus infinity.")
    token_ids: list[int]


class Infill(BaseModel):
    """A text with all its slots filled."""

    filled: str = Field(description="The text of the request; only its slots changed.")
    log_prob: float | None = Field(description="The sum over all tokens; null for minus infinity.")
    score: float = Field(description="The exponential of log_prob.")
    fills: list[Fill]


Infills = list[Infill] | list[list[Infill]]
"""One text: its filled texts, best first. A list: those of each."""


class InfillLine(Line):
    """One line of application/x-ndjson: the filled texts of one text."""

    infills: list[Infill] | None = None
