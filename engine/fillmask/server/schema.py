"""JSON types of requests and responses: parsed strictly, and shown in ``/openapi.json``.

Source: Hugging Face's schema of the fill-mask task. There ``inputs`` is one string, and all else is optional. Here
``inputs`` may also be a list, and ``parameters`` has ``truncation``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_TEXT = {"example": "Paris is the [MASK] of France."}
# Ends with the first item that is no string: an error for each would take seconds.
Strings = Annotated[list[str], Field(fail_fast=True)]


class Parameters(BaseModel):
    """Parameters that hold for every text of a request."""

    model_config = ConfigDict(strict=True, extra="allow")


class Body(BaseModel):
    """A request; each verb says which texts and parameters it takes."""

    model_config = ConfigDict(strict=True, extra="allow")

    inputs: str | Strings
    parameters: Parameters | None = None
    options: dict[str, Any] | None = Field(
        None, description="Options of the hosted API, such as `use_cache`; no effect here."
    )


class Line(BaseModel):
    """One line of application/x-ndjson: the result of one text, in a member that each verb adds."""

    index: int = Field(description="Index of the text, from 0.")
    error: str | None = Field(None, description="Why this text failed; the other texts are unaffected.")
    error_type: str | None = None
    warnings: list[str] | None = Field(
        None, description="Of this text, as that masks were cut off; absent without any."
    )


class FillMaskParameters(Parameters):
    """Parameters that hold for every text of a request."""

    top_k: Annotated[int, Field(ge=0)] | None = Field(None, description="Predictions for each mask; default 5.")
    targets: Strings | str | None = Field(
        None, description="Score only these keys of the vocabulary; `top_k` limits them too. `/rank` takes words."
    )
    truncation: Literal["right", "window"] | None = Field(
        None, description="Which part of a too long text to keep. Without it such a text is an error."
    )


class FillMaskBody(Body):
    """A fill-mask request."""

    inputs: Annotated[str, Field(json_schema_extra=_TEXT)] | Strings = Field(
        description="A text with at least one mask, written as the model's mask token, or in a text without that "
        "token as `[MASK]`, `<mask>` or `{mask}`; or a list of such texts."
    )
    parameters: FillMaskParameters | None = None


class Prediction(BaseModel):
    """A candidate token for a mask."""

    score: float = Field(description="Probability of the token, over the whole vocabulary.")
    token: int = Field(description="Token id.")
    token_str: str = Field(description="The token as text.")
    sequence: str = Field(description="The text with the token in place of the mask.")


Predictions = list[Prediction] | list[list[Prediction]] | list[list[Prediction] | list[list[Prediction]]]
"""One mask: a list of predictions. Several masks: one such list each. Several texts: the result of each."""


class FillMaskLine(Line):
    """One line of application/x-ndjson: the result of one text."""

    predictions: list[list[Prediction]] | None = Field(None, description="One list of predictions for each mask.")


class Error(BaseModel):
    """Why a request failed."""

    error: str
    error_type: str
