"""JSON types of ``/score``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from fillmask.server.schema import Body, Line, Parameters, Strings

_TEXT = {"example": "The keys to the cabinet are on the table."}


class ScoreParameters(Parameters):
    """Parameters that hold for every text of a request."""

    method: Literal["word_l2r", "original", "whole_word"] = Field(
        "word_l2r",
        description="What is masked while a token is read: it and the later tokens of its word, it alone, or its word.",
    )
    words: Literal["pretokenizer", "spaces"] = Field(
        "pretokenizer", description="What a word is: what the tokenizer splits, or what stands between spaces."
    )
    bits: bool = Field(False, description="Logarithms to base 2 rather than natural ones.")
    truncation: Literal["window"] | None = Field(
        None, description="Read each token of a too long text in a window. Without it such a text is an error."
    )


class ScoreBody(Body):
    """A request for scores."""

    inputs: Annotated[str, Field(json_schema_extra=_TEXT)] | Strings = Field(
        description="A text, or a list of texts. Nothing in them is a placeholder."
    )
    parameters: ScoreParameters | None = None


class ScoredWord(BaseModel):
    """A word of a text. Positions count code points, not the UTF-16 units of JavaScript."""

    text: str
    start: int
    end: int
    log_prob: float | None = Field(description="The sum over its tokens; null for minus infinity.")
    unknown: bool = Field(description="Whether one of its tokens is not in the vocabulary.")


class ScoredToken(BaseModel):
    """A token of a text. Positions count code points, not the UTF-16 units of JavaScript."""

    text: str
    start: int
    end: int
    log_prob: float | None = Field(description="Of the token, given the text; null for minus infinity.")
    unknown: bool = Field(description="Whether it is not in the vocabulary.")
    token: int = Field(description="Token id.")
    token_str: str = Field(description="The token as text.")


class Score(BaseModel):
    """The pseudo-log-likelihood of a text."""

    log_prob: float | None = Field(description="The sum over its tokens; null for minus infinity.")
    perplexity: float | None = Field(description="The exponential of minus the mean; null for infinity.")
    tokens: list[ScoredToken]
    words: list[ScoredWord]


Scores = Score | list[Score]
"""One text: its score. A list: the score of each."""


class ScoreLine(Line):
    """One line of application/x-ndjson: the score of one text."""

    score: Score | None = None
