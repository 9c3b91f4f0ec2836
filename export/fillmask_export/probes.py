"""Probes: texts with masks at random but reproducible positions, for calibration and verification.

The built-in texts are plain English. A model for other texts, such as proteins, is verified on the texts of its user.
Without such texts it is verified on random tokens of its vocabulary. The model card names the source.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fillmask_export.errors import ExportError
from fillmask_export.special_tokens import special_tokens_around

_SHARE = 0.15  # share of a text's tokens that are masked, as in training
_LONGEST = 128  # tokens of a probe; longer texts are truncated
LONG, _LONGEST_OF_ALL = 4, 1024  # number of long probes, their tokens
_UNKNOWN = 0.2  # with a larger share of unknown tokens, texts are not for this model


@dataclass(frozen=True, slots=True)
class Probe:
    """A text with masks, as tokens.

    Attributes:
        input_ids: ``int64[s]``, with masks.
        positions: Positions of the masks, ``int64[m]``, ascending.
        labels: The masked tokens, ``int64[m]``.
    """

    input_ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    labels: NDArray[np.int64]

    def unmasked(self) -> Probe:
        """The text without masks, read at the same positions."""
        ids = self.input_ids.copy()
        ids[self.positions] = self.labels
        return Probe(ids, self.positions, self.labels)

    def feeds(self, inputs: Collection[str]) -> dict[str, NDArray[np.int64]]:
        """The inputs of a graph for this text alone: those of a plain or a lean graph that ``inputs`` names."""
        ids = self.input_ids[None]
        arrays = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        return {
            name: array for name, array in (arrays | {"mask_positions": self.positions[None]}).items() if name in inputs
        }


@dataclass(frozen=True, slots=True)
class Probes:
    """Probes and their origin, in words for the model card."""

    origin: str
    probes: list[Probe]


def read_texts(path: str | Path | None) -> list[str]:
    """The lines of a text file, or the built-in texts.

    Raises:
        ExportError: The file cannot be read or holds no text.
    """
    try:
        source = Path(path) if path else files("fillmask_export") / "probes.txt"
        content = source.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(f"{path} cannot be read as UTF-8 text: {error}") from error
    texts = [line.strip() for line in content.splitlines() if line.strip()]
    if not texts:
        raise ExportError(f"{path} holds no text; give one text a line")
    return texts


def make_probes(tokenizer: Any, path: str | Path | None, masks: int, max_length: int) -> Probes:  # noqa: ANN401
    """Mask texts at random, one after the other and again from the first, until there are enough masks.

    Args:
        tokenizer: transformers' fast tokenizer.
        path: A text file with one text a line, or None for the built-in texts.
        masks: Number of masks, up to one text more; 0 takes each text once.
        max_length: Largest number of tokens that the model takes.
    """
    rows, origin = tokenize_texts(tokenizer, path, min(_LONGEST, max_length))
    return Probes(origin, list(_mask(rows, tokenizer, masks)))


def tokenize_texts(tokenizer: Any, path: str | Path | None, length: int) -> tuple[list[NDArray[np.int64]], str]:  # noqa: ANN401
    """Tokenize texts, at most ``length`` tokens of each; random tokens if the model does not know the built-in texts.

    Returns:
        The texts, ``int64[s]`` each, and their origin in words for the model card.
    """
    texts = read_texts(path)
    if path is None and not _knows(tokenizer, texts):
        return _random_rows(tokenizer, length), "random tokens, since English is not this model's language"
    cut = tokenizer(texts, truncation=True, max_length=length)["input_ids"]
    origin = f"the lines of {Path(path).name}" if path else "fillmask's built-in English sentences"
    return [np.array(ids, dtype=np.int64) for ids in cut], origin


def long_probes(tokenizer: Any, path: str | Path | None, max_length: int) -> list[Probe]:  # noqa: ANN401
    """Join texts to a few of the model's maximum length, at most 1,024 tokens; short or few texts are repeated.

    Args:
        tokenizer: transformers' fast tokenizer.
        path: As for ``make_probes``.
        max_length: Largest number of tokens that the model takes.
    """
    length = min(_LONGEST_OF_ALL, max_length)
    texts = read_texts(path)
    if path is None and not _knows(tokenizer, texts):
        (head, tail), rng = special_tokens_around(tokenizer), np.random.default_rng(0)
        filling = rng.choice(_ordinary(tokenizer), (LONG, length - len(head) - len(tail)))
        rows = [np.array([*head, *ids, *tail], dtype=np.int64) for ids in filling]
    else:
        starts = [len(texts) * number // LONG for number in range(LONG)]
        rows = [_join(tokenizer, texts[start:] + texts[:start], length) for start in starts]
    return list(_mask(rows, tokenizer, 0))


def random_probes(tokenizer: Any, max_length: int) -> list[Probe]:  # noqa: ANN401
    """32 texts of random tokens, which are unlike any training text.

    Args:
        tokenizer: transformers' fast tokenizer.
        max_length: Largest number of tokens that the model takes.
    """
    return list(_mask(_random_rows(tokenizer, min(_LONGEST, max_length)), tokenizer, 0))


def random_probe(tokenizer: Any, length: int) -> Probe:  # noqa: ANN401
    """A text of random tokens with one mask in the middle.

    Args:
        tokenizer: transformers' fast tokenizer.
        length: Number of tokens, special tokens included.
    """
    head, tail = special_tokens_around(tokenizer)
    count = max(1, length - len(head) - len(tail))
    row = np.array([*head, *np.random.default_rng(0).choice(_ordinary(tokenizer), count), *tail], dtype=np.int64)
    place = len(head) + count // 2
    label, row[place] = row[place], tokenizer.mask_token_id
    return Probe(row, np.array([place]), np.array([label]))


def make_masked_texts(tokenizer: Any, path: str | Path | None, count: int = 8) -> list[str]:  # noqa: ANN401
    """Short texts with one mask each, of a word or their own; the artifact stores the predictions for them.

    Args:
        tokenizer: transformers' fast tokenizer.
        path: Texts for a model that does not read English; None takes random tokens.
        count: Number of texts.

    Raises:
        ExportError: Each text holds several masks.
    """
    texts = read_texts(None)
    if not _knows(tokenizer, texts):
        texts = read_texts(path) if path else [tokenizer.decode(ids) for ids in _random_ids(tokenizer, 32)]
    mask, rng = tokenizer.mask_token, np.random.default_rng(0)
    usable = [text for text in sorted(texts, key=len) if text and text.count(mask) < 2][:count]
    if not usable:
        raise ExportError(f"each line of {path} holds several {mask}; give lines without masks; the export masks them")
    return [text if mask in text else _mask_word(text, mask, rng) for text in usable]


def _mask_word(text: str, mask: str, rng: np.random.Generator) -> str:
    """Mask a word, or a character in a script without spaces and in one long word."""
    words = text.split()
    if len(words) < 3:
        place = rng.integers(len(text))
        return f"{text[:place]}{mask}{text[place + 1 :]}"
    words[rng.integers(len(words))] = mask
    return " ".join(words)


def _knows(tokenizer: Any, texts: Sequence[str]) -> bool:  # noqa: ANN401
    """Whether a tokenizer has tokens for most of the texts."""
    ids = np.concatenate(tokenizer(list(texts))["input_ids"])
    return bool(np.mean(ids == tokenizer.unk_token_id) <= _UNKNOWN)


def _join(tokenizer: Any, texts: Sequence[str], length: int) -> NDArray[np.int64]:  # noqa: ANN401
    """Join texts, again from the first if they end, to one of ``length`` tokens."""
    count, ids = 1, list[int]()
    while len(ids) < length and count < 2 * length * len(texts):  # ends too if the texts hold no token
        joined = " ".join(islice(cycle(texts), count))
        ids = tokenizer(joined, truncation=True, max_length=length)["input_ids"]
        count *= 2
    return np.array(ids, dtype=np.int64)


def _mask(rows: Sequence[NDArray[np.int64]], tokenizer: Any, masks: int) -> Iterator[Probe]:  # noqa: ANN401
    rng = np.random.default_rng(0)
    special = np.array(tokenizer.all_special_ids)
    made, before = 0, -1
    while made < masks or before < 0:
        before = made
        for row in rows:
            candidates = np.flatnonzero(~np.isin(row, special))
            if candidates.size and (made < masks or not masks):
                count = max(1, round(candidates.size * _SHARE))
                positions = np.sort(rng.choice(candidates, count, replace=False))
                masked = row.copy()
                masked[positions] = tokenizer.mask_token_id
                made += count
                yield Probe(masked, positions, row[positions])
        if made == before:
            raise ExportError("the probe texts hold no token of the model; give texts it was made for")


def _random_rows(tokenizer: Any, length: int) -> list[NDArray[np.int64]]:  # noqa: ANN401
    """32 texts of random tokens between the model's special tokens."""
    head, tail = special_tokens_around(tokenizer)
    rows = _random_ids(tokenizer, length - len(head) - len(tail))
    return [np.array([*head, *ids, *tail], dtype=np.int64) for ids in rows]


def _random_ids(tokenizer: Any, longest: int) -> list[list[int]]:  # noqa: ANN401
    """32 rows of random tokens, special tokens left out."""
    rng = np.random.default_rng(0)
    ordinary = _ordinary(tokenizer)
    counts = rng.integers(min(8, longest), longest, size=32, endpoint=True)
    return [rng.choice(ordinary, count).tolist() for count in counts]


def _ordinary(tokenizer: Any) -> NDArray[np.int64]:  # noqa: ANN401
    """The ids of all tokens but the special ones."""
    return np.setdiff1d(np.arange(len(tokenizer)), tokenizer.all_special_ids)
