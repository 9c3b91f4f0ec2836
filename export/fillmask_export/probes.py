"""What a variant is verified on: texts whose tokens are masked at random, the same ones each time.

The built-in texts are plain English. A model that reads something else, proteins for one, is verified on texts of its
user, or on random tokens of its vocabulary where there are none; the card says which.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fillmask_export.errors import ExportError

_SHARE = 0.15  # of the tokens of a text is masked, as in training
_LONGEST = 128  # tokens of a probe; longer texts are cut
_LONG, _LONGEST_OF_ALL, _STRUNG = 4, 1024, 256  # long probes, their tokens, the texts they are strung of
_UNKNOWN = 0.2  # above this share of unknown tokens a text says nothing about the model


@dataclass(frozen=True, slots=True)
class Probe:
    """A text with masks, as tokens.

    Attributes:
        input_ids: ``int64[s]``, masked.
        positions: Where the masks are, ``int64[m]``, ascending.
        labels: What stood there, ``int64[m]``.
    """

    input_ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Probes:
    """Probes and where they are from, in words for the model card."""

    origin: str
    probes: list[Probe]


def read_texts(path: str | Path | None) -> list[str]:
    """Lines of a text file, or the built-in texts.

    Raises:
        ExportError: The file cannot be read or holds no text.
    """
    try:
        source = Path(path) if path else files("fillmask_export") / "probes.txt"
        content = source.read_text(encoding="utf-8")
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
        masks: How many masks to make, a text more or less; 0 goes through the texts once.
        max_length: Tokens the model takes.
    """
    length = min(_LONGEST, max_length)
    texts = read_texts(path)
    if path is None and not _knows(tokenizer, texts):
        rows, origin = _random_rows(tokenizer, length), "random tokens, since English is not this model's language"
    else:
        cut = tokenizer(texts, truncation=True, max_length=length)["input_ids"]
        rows = [np.array(ids, dtype=np.int64) for ids in cut]
        origin = f"the lines of {Path(path).name}" if path else "fillmask's built-in English sentences"
    return Probes(origin, list(_mask(rows, tokenizer, masks)))


def long_probes(tokenizer: Any, path: str | Path | None, max_length: int) -> list[Probe]:  # noqa: ANN401
    """Texts strung together to a few as long as the model takes, or as the longest that are looked at.

    Args:
        tokenizer: transformers' fast tokenizer.
        path: As ``make_probes`` takes it.
        max_length: Tokens the model takes.
    """
    length = min(_LONGEST_OF_ALL, max_length)
    texts = read_texts(path)[:_STRUNG]
    if path is None and not _knows(tokenizer, texts):
        (head, tail), rng = _template(tokenizer), np.random.default_rng(0)
        filling = rng.choice(_ordinary(tokenizer), (_LONG, length - len(head) - len(tail)))
        rows = [np.array([*head, *ids, *tail], dtype=np.int64) for ids in filling]
    else:
        starts = [len(texts) * number // _LONG for number in range(_LONG)]
        joined = [" ".join(texts[start:] + texts[:start]) for start in starts]
        cut = tokenizer(joined, truncation=True, max_length=length)["input_ids"]
        rows = [np.array(ids, dtype=np.int64) for ids in cut]
    return list(_mask(rows, tokenizer, 0))


def random_probes(tokenizer: Any, max_length: int) -> list[Probe]:  # noqa: ANN401
    """32 texts of random tokens, which no training has made a model behave on.

    Args:
        tokenizer: transformers' fast tokenizer.
        max_length: Tokens the model takes.
    """
    return list(_mask(_random_rows(tokenizer, min(_LONGEST, max_length)), tokenizer, 0))


def random_probe(tokenizer: Any, length: int) -> Probe:  # noqa: ANN401
    """A text of random tokens, of a given length and with one mask in its middle.

    Args:
        tokenizer: transformers' fast tokenizer.
        length: Tokens, the special ones included.
    """
    head, tail = _template(tokenizer)
    count = max(1, length - len(head) - len(tail))
    row = np.array([*head, *np.random.default_rng(0).choice(_ordinary(tokenizer), count), *tail], dtype=np.int64)
    place = len(head) + count // 2
    label, row[place] = row[place], tokenizer.mask_token_id
    return Probe(row, np.array([place]), np.array([label]))


def make_questions(tokenizer: Any, path: str | Path | None, count: int = 8) -> list[str]:  # noqa: ANN401
    """Short texts with one masked word each, to be answered again where the artifact serves.

    Args:
        tokenizer: transformers' fast tokenizer.
        path: Texts for a model that does not read English; without them random tokens are asked for.
        count: How many.
    """
    texts = read_texts(None)
    if not _knows(tokenizer, texts):
        texts = read_texts(path) if path else [tokenizer.decode(ids) for ids in _random_ids(tokenizer, 32)]
    rng = np.random.default_rng(0)
    questions = []
    for text in [text for text in sorted(texts, key=len) if text and tokenizer.mask_token not in text][:count]:
        words = text.split()
        if len(words) < 3:  # a writing without spaces, or one long word: mask a character
            place = rng.integers(len(text))
            questions.append(f"{text[:place]}{tokenizer.mask_token}{text[place + 1 :]}")
        else:
            words[rng.integers(len(words))] = tokenizer.mask_token
            questions.append(" ".join(words))
    return questions


def _knows(tokenizer: Any, texts: Sequence[str]) -> bool:  # noqa: ANN401
    """Whether a text is more to a tokenizer than a row of unknown tokens."""
    ids = np.concatenate(tokenizer(list(texts))["input_ids"])
    return bool(np.mean(ids == tokenizer.unk_token_id) <= _UNKNOWN)


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
    """32 texts of random tokens between the special tokens of the model."""
    head, tail = _template(tokenizer)
    rows = _random_ids(tokenizer, length - len(head) - len(tail))
    return [np.array([*head, *ids, *tail], dtype=np.int64) for ids in rows]


def _template(tokenizer: Any) -> tuple[list[int], list[int]]:  # noqa: ANN401
    """The special tokens that stand before and behind a text."""
    ids = tokenizer(tokenizer.mask_token)["input_ids"]
    mask = ids.index(tokenizer.mask_token_id)
    return ids[:mask], ids[mask + 1 :]


def _random_ids(tokenizer: Any, longest: int) -> list[list[int]]:  # noqa: ANN401
    """32 rows of random tokens that are not special."""
    rng = np.random.default_rng(0)
    ordinary = _ordinary(tokenizer)
    counts = rng.integers(min(8, longest), longest, size=32, endpoint=True)
    return [rng.choice(ordinary, count).tolist() for count in counts]


def _ordinary(tokenizer: Any) -> NDArray[np.int64]:  # noqa: ANN401
    """The tokens that are not special."""
    return np.setdiff1d(np.arange(len(tokenizer)), tokenizer.all_special_ids)
