"""The bodies of requests and responses: read strictly from JSON, and shown in ``/openapi.json``.

Source: Hugging Face's schema of the task, in which ``inputs`` is one string and everything else is optional. Here it
may be a list too, and ``parameters`` has ``truncation``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_TEXT = {"example": "Paris is the [MASK] of France."}


class Parameters(BaseModel):
    """How to answer."""

    model_config = ConfigDict(strict=True, extra="allow")

    top_k: Annotated[int, Field(ge=0)] | None = Field(None, description="Predictions for each mask; 5 if not given.")
    targets: list[str] | str | None = Field(None, description="Score only these words, all with `top_k` predictions.")
    truncation: Literal["right", "window"] | None = Field(
        None, description="What to keep of a text that is too long; without it such a text is refused."
    )


class Body(BaseModel):
    """A question."""

    model_config = ConfigDict(strict=True, extra="allow")

    inputs: Annotated[str, Field(json_schema_extra=_TEXT)] | list[str] = Field(
        description="A text with at least one mask, written `[MASK]`, `<mask>` or `{mask}`; or several such texts."
    )
    parameters: Parameters | None = None
    options: dict[str, Any] | None = Field(None, description="Of the hosted API (`use_cache`, …); without effect here.")


class Answer(BaseModel):
    """A token that may stand at the mask."""

    score: float = Field(description="Its probability among the whole vocabulary.")
    token: int = Field(description="Its id.")
    token_str: str = Field(description="It, as text.")
    sequence: str = Field(description="The text with it in place of the mask.")


Answers = list[Answer] | list[list[Answer]] | list[list[Answer] | list[list[Answer]]]
"""One mask: its answers. Several masks: those of each. Several texts: what each would get alone."""


class Line(BaseModel):
    """What one line of application/x-ndjson says of one text."""

    index: int = Field(description="Which text, from 0.")
    predictions: list[list[Answer]] | None = Field(None, description="For each mask its answers.")
    error: str | None = Field(None, description="Why this text has no answer; the others do not suffer.")
    error_type: str | None = None


class Failure(BaseModel):
    """Why a request was not answered."""

    error: str
    error_type: str
