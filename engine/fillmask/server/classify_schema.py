"""JSON types of ``/classify`` and of Hugging Face's zero-shot classification."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from fillmask.classification import TEMPLATE
from fillmask.server.schema import Body, Line, Parameters, Strings

_TEXT = {"example": "The striker scored twice."}


class ClassifyParameters(Parameters):
    """Parameters that hold for every text of a request."""

    labels: Strings | dict[str, Strings] = Field(
        description="Labels, each its own word, or an object from labels to lists of words."
    )
    template: str | Strings = Field(
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


class ClassifyBody(Body):
    """A request for labels."""

    inputs: Annotated[str, Field(json_schema_extra=_TEXT)] | Strings = Field(
        description="A text, or a list of texts. Nothing in them is a placeholder."
    )
    parameters: ClassifyParameters


class Label(BaseModel):
    """A label of a text."""

    label: str
    score: float = Field(description="A softmax over the labels; not calibrated.")
    log_prob: float | None = Field(None, description="Of its words together; null for minus infinity.")
    prior: str | None = Field(None, description="The SHA-256 of the prior that was taken off.")


Labels = list[Label] | list[list[Label]]
"""One text: its labels, best first. A list of texts: the labels of each."""


class LabelLine(Line):
    """One line of application/x-ndjson: the labels of one text."""

    labels: list[Label] | None = None


class ZeroShotParameters(Parameters):
    """The parameters of Hugging Face's task, and a prior."""

    candidate_labels: Strings | str = Field(description="Labels, as a list or separated by commas.")
    hypothesis_template: str | None = Field(
        None, description="Stands behind the text; `{}` is the place of the label. Default: `This example is {}.`"
    )
    multi_label: bool | None = Field(None, description="Score each label by itself; needs a prior.")
    prior: dict[str, Any] | None = Field(None, description="As for `/classify`.")
    method: Literal["l2r", "parallel"] = Field("l2r", description="As for `/rank`.")
    truncation: Literal["right"] | None = Field(None, description="As for `/classify`.")


class ZeroShotBody(Body):
    """A request of Hugging Face's zero-shot classification."""

    inputs: Annotated[str, Field(json_schema_extra=_TEXT)] | Strings = Field(description="A text, or a list of texts.")
    parameters: ZeroShotParameters


class ZeroShotLabel(BaseModel):
    """A label of a text."""

    label: str
    score: float


ZeroShotLabels = list[ZeroShotLabel] | list[list[ZeroShotLabel]]
"""One text: its labels, best first. A list of texts: the labels of each."""
