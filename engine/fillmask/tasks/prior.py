"""Priors: how likely the words of labels are whatever the text, to be taken off before labels are compared."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from weakref import WeakKeyDictionary

from fillmask.artifact.content_hash import hash_foreign
from fillmask.errors import InputError
from fillmask.model import Model
from fillmask.runtime.session import Session

# Without content. The mask itself, which Zhao et al. (2021) also take, would be a second mask here.
CONTENT_FREE = ("N/A", "")
# Of loaded models without a manifest.
_HASHES: WeakKeyDictionary[Session, str] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Prior:
    """The log probabilities of words in templates, averaged over texts.

    Attributes:
        words: For each template the natural logarithm of the mean probability of each word.
        templates: The templates.
        method: The method of ``rank``.
        normalize: What ``rank`` normalized.
        texts: Over how many texts.
        model: What identifies the model: its variant, and the SHA-256 of its manifest, or without one of its files.
    """

    words: tuple[dict[str, float], ...]
    templates: tuple[str, ...]
    method: str
    normalize: str | None
    texts: int
    model: dict[str, str | None]

    def to_json(self) -> str:
        """Give it as JSON, which ``from_json`` reads; equal priors have equal JSON."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, content: str) -> Prior:
        """Read what ``to_json`` wrote.

        Raises:
            InputError: It is not that.
        """
        try:
            return _parsed(json.loads(content))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            raise InputError(f"the prior is not one that fit_prior made: {error!r}") from error

    @property
    def sha256(self) -> str:
        """The hash of its JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def check(self, model: Model, templates: Sequence[str], words: Iterable[str], **method: str | None) -> None:
        """Refuse a prior that was fitted for something else.

        Raises:
            InputError: Another model, template or method, or a word is missing.
        """
        wanted = {"model": identity(model), "templates": tuple(templates), **method}
        for name, value in wanted.items():
            if getattr(self, name) != value:
                raise InputError(f"the prior was fitted with {name} {getattr(self, name)!r}, not with {value!r}")
        missing = [word for word in words if any(word not in known for known in self.words)]
        if missing:
            raise InputError(f"the prior has no word {missing[0]!r}; fit it with these labels")


def _parsed(read: Mapping[str, Any]) -> Prior:
    words = tuple({str(word): float(value) for word, value in each.items()} for each in read["words"])
    templates = tuple(map(str, read["templates"]))
    if len(words) != len(templates):
        raise ValueError(f"{len(words)} lists of words for {len(templates)} templates")
    return Prior(words, templates, read["method"], read["normalize"], int(read["texts"]), dict(read["model"]))


def identity(model: Model) -> dict[str, str | None]:
    """What identifies a model: its variant, and the SHA-256 of its manifest or, without one, of its files."""
    manifest = model.artifact.manifest
    if not manifest:
        return {"variant": model.variant, "sha256": _hash_of(model)}
    content = json.dumps(manifest, sort_keys=True).encode()
    return {"variant": model.variant, "sha256": hashlib.sha256(content).hexdigest()}


def _hash_of(model: Model) -> str:
    """Hash a model's files, once while it is loaded: large ones take seconds."""
    if model.session not in _HASHES:
        _HASHES[model.session] = hash_foreign(model.artifact, model.variant)
    return _HASHES[model.session]


def mean_of(readings: Sequence[Sequence[Mapping[str, float]]]) -> tuple[dict[str, float], ...]:
    """Average probabilities in the log domain.

    Args:
        readings: For each text, for each template, the log probability of each word.
    """
    templates = zip(*readings, strict=True)
    return tuple({word: _log_mean([each[word] for each in texts]) for word in texts[0]} for texts in templates)


def _log_mean(values: Sequence[float]) -> float:
    return log_sum(values) - math.log(len(values))


def log_sum(values: Sequence[float]) -> float:
    """The logarithm of the sum of the exponentials of some numbers."""
    most = max(values)
    if most == -math.inf:
        return most
    return most + math.log(math.fsum(math.exp(value - most) for value in values))
