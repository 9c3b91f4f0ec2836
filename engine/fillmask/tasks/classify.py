"""The verb ``classify``: labels for a text, by the words that a masked LM predicts in a template.

With the words W of a label, ``s(w)`` the log probability of a word in the template with the text, and ``s0(w)`` that of
the prior: ``z = aggregate of s(w) - s0(w) over W``, and the scores are ``softmax(z / temperature)`` over the labels.
Several templates are averaged: ``z`` is then its mean over them.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

from fillmask.classification import TEMPLATE
from fillmask.contexts import is_marked
from fillmask.encoding import check_text
from fillmask.errors import InputError
from fillmask.model import Model
from fillmask.results import Results, short_repr, to_dict
from fillmask.slots import read_slots
from fillmask.spans import Span
from fillmask.tasks import Read, Result, Task, Verb
from fillmask.tasks.prior import Prior, log_sum
from fillmask.tasks.rank import Parameters as RankParameters
from fillmask.tasks.rank import RankMethod, rank, softmax
from fillmask.tasks.rank import resolve as resolve_rank
from fillmask.templates import Template, fill_within, parse_template

Labels: TypeAlias = "Sequence[str] | Mapping[str, Sequence[str]]"
Aggregate: TypeAlias = Literal["logsumexp", "mean", "max"]


@dataclass(frozen=True, slots=True, repr=False)
class Label:
    """A label of a text.

    Attributes:
        label: The label.
        score: A softmax over the labels; with ``multi_label`` a number of its own between 0 and 1. Not calibrated: it
            is no probability that the label is right.
        log_prob: What the words of the label have together, in nats, before a prior is taken off.
        prior: The SHA-256 of the prior, None without one.
    """

    label: str
    score: float
    log_prob: float
    prior: str | None = None

    __repr__ = short_repr
    to_dict = to_dict


@dataclass(frozen=True, slots=True)
class Parameters:
    """The arguments of a call, checked."""

    labels: Mapping[str, tuple[str, ...]]
    templates: tuple[Template, ...]
    rank: RankParameters
    prior: Prior | None
    prior_hash: str | None
    temperature: float
    aggregate: Aggregate
    multi_label: bool
    cut: bool

    def rows(self, _: str) -> int:
        """How many rows a text takes, at most."""
        return len(self.templates) * self.rank.most_rows()


def resolve(  # noqa: PLR0913 -- one parameter an option
    model: Model,
    *,
    labels: Labels = (),
    template: str | Sequence[str] = TEMPLATE,
    prior: Prior | Mapping[str, Any] | None = None,
    temperature: float = 1.0,
    aggregate: Aggregate = "logsumexp",
    multi_label: bool = False,
    method: RankMethod = "l2r",
    normalize: Literal["pieces"] | None = None,
    truncation: Literal["right"] | None = None,
) -> Result[Parameters]:
    """Check the arguments of ``FillMask.classify``, once for all texts of a call.

    Raises:
        InputError: One of them is wrong.
    """
    words = check_labels(labels)
    _check(temperature, aggregate, multi_label, normalize, truncation)
    listed = [template] if isinstance(template, str) else template
    if not isinstance(listed, Sequence) or not listed:
        raise InputError(f"template must be a string or a list of strings, got {template!r}")
    templates = tuple(parse_template(model, each) for each in listed)
    distinct = list(dict.fromkeys(word for each in words.values() for word in each))
    ranked = resolve_rank(model, candidates=distinct, method=method, normalize=normalize).value
    prior = _prior(prior)
    if prior is not None:
        prior.check(model, [each.text for each in templates], distinct, method=method, normalize=normalize)
    elif multi_label:
        raise InputError(
            "multi_label needs a prior: without one no score of a label is comparable; fit one by fit_prior in Python "
            "or fillmask classify --fit-prior"
        )
    hashed = None if prior is None else prior.sha256
    cut = truncation == "right"
    return Result(Parameters(words, templates, ranked, prior, hashed, temperature, aggregate, multi_label, cut))


def check_labels(labels: object) -> dict[str, tuple[str, ...]]:
    """Check labels and their words; a label without words is its own word.

    Raises:
        InputError: Not a list of distinct strings or a mapping to lists of strings, fewer than one, or without words.
    """
    if isinstance(labels, Mapping):
        found = {label: tuple(words) if isinstance(words, (list, tuple)) else () for label, words in labels.items()}
    elif isinstance(labels, (list, tuple)) and all(isinstance(label, str) for label in labels):
        found = {label: (label,) for label in labels}
        if len(found) < len(labels):
            raise InputError(f"labels must be distinct, got {labels!r}")
    else:
        raise InputError(f"labels must be a list of strings or a mapping to lists of words, got {labels!r}")
    if not found:
        raise InputError("labels must have at least one label, got none")
    for label, words in found.items():
        if not isinstance(label, str) or not words:
            raise InputError(f"labels must map strings to lists of at least one word, got {label!r}: {words!r}")
    return found


def classify(model: Model, text: str, parameters: Parameters) -> Task[Results[Label]]:
    """Classify a text.

    Raises:
        InputError: The model does not take the text, or the temperature is too small.
    """
    readings = yield from read_words(model, text, parameters)
    labels = list(parameters.labels)
    priors = parameters.prior.words if parameters.prior else tuple({} for _ in readings)
    plain = [_mean([_aggregate(each, {}, parameters, label) for each in readings]) for label in labels]
    taken = [
        _mean([_aggregate(each, prior, parameters, label) for each, prior in zip(readings, priors, strict=True)])
        for label in labels
    ]
    z = _divided(taken, parameters.temperature)
    scores = [_sigmoid(value) for value in z] if parameters.multi_label else softmax(z)
    made = [Label(*each, parameters.prior_hash) for each in zip(labels, scores, plain, strict=True)]
    # Not by scores, which a temperature rounds to 0 or 1.
    order = sorted(range(len(labels)), key=lambda index: (-taken[index], labels[index]))
    return Result(Results([made[index] for index in order]))


def as_json(labels: Sequence[Label]) -> list[dict[str, Any]]:
    """Labels as JSON holds them: a log probability of minus infinity is None, and without a prior there is none."""
    documents = [each.to_dict() for each in labels]
    return [{name: value for name, value in each.items() if name != "prior" or value} for each in documents]


CLASSIFY = Verb("classify", resolve, classify)


def read_words(
    model: Model, text: str, parameters: Parameters
) -> Generator[list[Read], list[Any], list[dict[str, float]]]:
    """Read how well each word fits a text.

    Returns:
        For each template the log probability of each word, or its mean over pieces where that is normalized.
    """
    check_text(text)
    readings = []
    for template in parameters.templates:
        filled, mask, marked = _fill(model, template, text, parameters)
        ids = parameters.rank.candidates.ids(marked=marked)
        ranking = yield from rank(model, filled, replace(parameters.rank, slots=[mask]))
        log_probs = {each.token_ids: each.log_prob for each in ranking.value[0]}
        by_pieces = parameters.rank.normalize == "pieces"
        readings.append({word: log_probs[own] / (len(own) if by_pieces else 1) for word, own in ids.items()})
    return readings


def _fill(model: Model, template: Template, text: str, parameters: Parameters) -> tuple[str, Span, bool]:
    """Fill a template; also give its slot, and whether a word there has the vocabulary's mark.

    A word may have more pieces with the mark than without, or fewer, and only the filled text shows which it has.
    """
    pieces = 1
    while True:
        filled, mask = fill_within(model, template, text, pieces, cut=parameters.cut)
        slotted = read_slots(model, filled, [mask])
        marked = is_marked(model, slotted, slotted.slots[0].masks.start)
        if (needed := parameters.rank.most_pieces(marked=marked)) <= pieces:
            return filled, mask, marked
        pieces = needed


def _aggregate(read: Mapping[str, float], prior: Mapping[str, float], parameters: Parameters, label: str) -> float:
    """What the words of a label have together; words that the tokenizer reads alike count once."""
    ids = parameters.rank.candidates.ids(marked=True)
    words = {ids[word]: word for word in reversed(parameters.labels[label])}.values()
    values = [read[word] if read[word] == -math.inf else read[word] - prior.get(word, 0.0) for word in words]
    if parameters.aggregate == "mean":
        return _mean(values)
    return max(values) if parameters.aggregate == "max" else log_sum(values)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _divided(values: Sequence[float], temperature: float) -> list[float]:
    z = [value / temperature for value in values]
    if any(math.isfinite(value) and not math.isfinite(each) for value, each in zip(values, z, strict=True)):
        raise InputError(f"temperature {temperature!r} is too small: a log probability divided by it is infinite")
    return z


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0


def _prior(prior: object) -> Prior | None:
    if prior is None or isinstance(prior, Prior):
        return prior
    if isinstance(prior, Mapping):
        return Prior.from_json(json.dumps(dict(prior)))
    raise InputError(f"prior must be what fit_prior or --fit-prior gives, got {type(prior).__name__}")


def _check(temperature: object, aggregate: object, multi_label: object, normalize: object, truncation: object) -> None:
    number = isinstance(temperature, (int, float)) and not isinstance(temperature, bool)
    if not number or not 0 < temperature <= sys.float_info.max:  # type: ignore[operator]
        raise InputError(f"temperature must be a number above 0, got {temperature!r}")
    if aggregate not in get_args(Aggregate):
        raise InputError(f"aggregate must be one of {', '.join(map(repr, get_args(Aggregate)))}, got {aggregate!r}")
    if not isinstance(multi_label, bool):
        raise InputError(f"multi_label must be True or False, got {multi_label!r}")
    if normalize not in (None, "pieces"):
        raise InputError(f"normalize must be None or 'pieces', got {normalize!r}")
    if truncation not in (None, "right"):
        raise InputError(f"truncation must be None or 'right', got {truncation!r}")
