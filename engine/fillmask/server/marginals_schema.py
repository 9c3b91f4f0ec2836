"""JSON types of ``/marginals``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from fillmask.server.schema import Body, Line, Parameters, Strings

_TEXT = {"example": "The keys are here."}


class MarginalsParameters(Parameters):
    """Parameters that hold for every text of a request."""

    alphabet: str | Strings | None = Field(
        None,
        description="Characters, or a list of tokens. Without it every ordinary token, or the 20 amino acids.",
        json_schema_extra={"example": ["are", "is"]},
    )
    masked: bool = Field(
        True,
        description="Whether a position is masked while it is read. False takes one run, and a variant that reads "
        "unmasked tokens exactly.",
    )
    truncation: Literal["window"] | None = Field(
        None, description="Read each position of a too long text in a window. Without it such a text is an error."
    )


class MarginalsBody(Body):
    """A request for marginals."""

    inputs: Annotated[str, Field(json_schema_extra=_TEXT)] | Strings = Field(
        description="A text, or a list of texts. Nothing in them is a placeholder."
    )
    parameters: MarginalsParameters | None = None


class Marginals(BaseModel):
    """Log probabilities of an alphabet at every position of a text."""

    tokens: list[str] = Field(description="The text's own tokens, as the vocabulary writes them.")
    alphabet: list[str] = Field(description="The tokens that were read, as the vocabulary writes them.")
    log_probs: list[list[float | None]] = Field(
        description="A row for each token, a column for each token of the alphabet: nats, the softmax over the whole "
        "vocabulary, to six decimals; null for minus infinity."
    )


MarginalsOfTexts = Marginals | list[Marginals]
"""One text: its marginals. A list: those of each."""


class MarginalsLine(Line):
    """One line of application/x-ndjson: the marginals of one text."""

    marginals: Marginals | None = None
