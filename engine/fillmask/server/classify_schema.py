"""JSON types of ``/classify`` and of Hugging Face's zero-shot classification."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fillmask.classification import TEMPLATE

_TEXT = {"example": "The striker scored twice."}
_OPTIONS = "Options of the hosted API, such as `use_cache`; no effect here."


class ClassifyParameters(BaseModel):
    """Parameters that hold for every text of a request."""

    model_config = ConfigDict(strict=True, extra="allow")

    labels: list[str] | dict[str, list[str]] = Field(
        description="Labels, each its own word, or an object from labels to lists of words."
    )
    template: str | list[str] = Field(
        TEMPLATE, description="A text with `{text}` and one mask, or several, whose results are averaged."
    )
    prior: dict[str, Any] | None = Field(None, description="What `fit_prior` or `fillmask classify --fit-prior` gives.")
    temperature: float = Field(1.0, description="Divides what is compared; above 0.")
    aggregate: Literal["logsumexp", "mean", "max"] = Field(
        "logsumexp", description="How the words of a label count together."
    )
    multi_label: bool = Field(False, description="Score each label by itself; needs a prior.")
    method: Literal["l2r", "parallel"] = Field("l2r", description="As for `/rank`.")
    normalize: Literal["pieces"] | None = Field(None, description="As for `/rank`.")
    truncation: Literal["right"] | None = Field(
        None, description="Keep the beginning of a too long text. Without it such a text is an error."
    )


class ClassifyBody(BaseModel):
    """A request for labels."""

    model_config = ConfigDict(strict=True, extra="allow")

    inputs: Annotated[str, Field(json_schema_extra=_TEXT)] | list[str] = Field(
        description="A text, or a list of texts. Nothing in them is a placeholder."
    )
    parameters: ClassifyParameters
    options: dict[str, Any] | None = Field(None, description=_OPTIONS)


class Label(BaseModel):
    """A label of a text."""

    label: str
    score: float = Field(description="A softmax over the labels; not calibrated.")
    log_prob: float | None = Field(None, description="Of its words together; null for minus infinity.")
    prior: str | None = Field(None, description="The SHA-256 of the prior that was taken off.")


Labels = list[Label] | list[list[Label]]
"""One text: its labels, best first. A list of texts: the labels of each."""


class LabelLine(BaseModel):
    """One line of application/x-ndjson: the labels of one text."""

    index: int = Field(description="Index of the text, from 0.")
    labels: list[Label] | None = None
    error: str | None = Field(None, description="Why this text failed; the other texts are unaffected.")
    error_type: str | None = None


class ZeroShotParameters(BaseModel):
    """The parameters of Hugging Face's task, and a prior."""

    model_config = ConfigDict(strict=True, extra="allow")

    candidate_labels: list[str] | str = Field(description="Labels, as a list or separated by commas.")
    hypothesis_template: str | None = Field(
        None, description="Stands behind the text; `{}` is the place of the label. Default: `This example is {}.`"
    )
    multi_label: bool | None = Field(None, description="Score each label by itself; needs a prior.")
    prior: dict[str, Any] | None = Field(None, description="As for `/classify`.")


class ZeroShotBody(BaseModel):
    """A request of Hugging Face's zero-shot classification."""

    model_config = ConfigDict(strict=True, extra="allow")

    inputs: Annotated[str, Field(json_schema_extra=_TEXT)] | list[str] = Field(
        description="A text, or a list of texts."
    )
    parameters: ZeroShotParameters
    options: dict[str, Any] | None = Field(None, description=_OPTIONS)


class ZeroShotLabel(BaseModel):
    """A label of a text."""

    label: str
    score: float


ZeroShotLabels = list[ZeroShotLabel] | list[list[ZeroShotLabel]]
"""One text: its labels, best first. A list of texts: the labels of each."""
