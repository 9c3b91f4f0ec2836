"""The verb ``marginals``: log probabilities of an alphabet at every position of a text, for proteins and molecules.

With ``masked=True`` one row is read for each position, with that position masked. With ``masked=False`` one row gives
all positions, and each token is read while it can be seen: another quantity, which models are not trained on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from fillmask.encoding import check_text
from fillmask.errors import InputError, TextError
from fillmask.executor import run_task
from fillmask.log_scoring import log_softmax_at
from fillmask.masking import (
    MaskingTruncation,
    check_length,
    check_masking_truncation,
    masked_read,
    most_positions,
)
from fillmask.model import Model
from fillmask.results import to_dict
from fillmask.tasks import Read, Result, Task, Verb, read_all
from fillmask.tasks.mutants import Fill, Wild, parse_mutant, score_mutants
from fillmask.text_tokens import TextTokens, tokenize

# In the order of their letters. Models of proteins know more (X, B, Z, U, O), which stand for none or for several.
AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
MOST_PROTEIN_TOKENS = 64
_MOST_LOG_PROBS = 1 << 24  # of a matrix: 64 MiB


@dataclass(frozen=True, slots=True, eq=False)
class Marginals:
    """Log probabilities of an alphabet at every position of a text.

    Attributes:
        tokens: The text's own tokens, as the vocabulary writes them.
        alphabet: The tokens that were read, as the vocabulary writes them.
        log_probs: ``float32[n, A]``, in nats: the softmax over the whole vocabulary. Over the alphabet it sums to less
            than 1.
        wild: What ``variants`` reads more of: it keeps the model loaded.
    """

    tokens: tuple[str, ...]
    alphabet: tuple[str, ...]
    log_probs: NDArray[np.float32]
    wild: Wild = field(repr=False)

    to_dict = to_dict

    def variants(self, variants: Iterable[str], *, offset: int = 1, fill: Fill = "wild") -> NDArray[np.float64]:
        """Score variants such as ``"A24G"`` or ``"A24G:K30R"`` against the wild type, which scores 0.

        A score is a sum over the mutated positions i of a difference of log probabilities:

        - ``"wild"``: log p(mt_i | wild type, i masked) − log p(wt_i | the same). No further rows; what ESM's script and
          ProteinGym call masked marginals. With ``masked=False`` the wild type is read unmasked (wt-marginals).
        - ``"mask"``: the same with all mutated positions masked at once (Meier et al. 2021, the formula of the paper).
        - ``"mutant"``: the same with the variant in place of the wild type, i masked.
        - ``"match"``: log p(mt_i | variant, i masked) − log p(wt_i | wild type, i masked).

        Of single mutants all four are equal.

        Args:
            variants: Mutations of one variant are separated by ``:`` or ``,``. The letters are those of the alphabet.
            offset: The number of the first position.
            fill: What stands at the other mutated positions while one of them is read.

        Returns:
            ``float64[v]``, in nats. Above 0 the model prefers the variant.

        Raises:
            InputError: A variant is malformed, names a wild-type letter that is not there, a position outside of the
                text, or a letter outside of the alphabet; ``fill`` is unknown, or needs ``masked=True``, or the text
                was read in windows and ``fill`` is not ``"wild"``.
        """
        if isinstance(variants, str):
            raise InputError(f"variants must be a list of strings, got the string {variants!r}")
        letters = {letter: index for index, letter in enumerate(self.alphabet)}
        mutants = [parse_mutant(variant, self.tokens, letters, offset) for variant in variants]
        return run_task(self.wild.model, score_mutants(self.wild, mutants, self.log_probs, fill)).value


@dataclass(frozen=True, slots=True)
class AlphabetLogProbs:
    """Reads the log probabilities of an alphabet.

    Attributes:
        ids: Its tokens, ``int64[A]``, as bytes so that readings compare.
    """

    ids: bytes

    def __call__(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give nats, ``float32[m, A]``, from ``logits float32[m, V]``."""
        ids = np.frombuffer(self.ids, dtype=np.int64)
        return np.stack([log_softmax_at(row, ids) for row in logits]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Parameters:
    """The arguments of a call, checked; ``alphabet`` as token ids, None for the default; the largest matrix."""

    alphabet: tuple[int, ...] | None
    masked: bool
    truncation: MaskingTruncation | None
    most_log_probs: int = _MOST_LOG_PROBS


def resolve(
    model: Model,
    *,
    alphabet: str | Sequence[str] | None = None,
    masked: bool = True,
    truncation: MaskingTruncation | None = None,
) -> Result[Parameters]:
    """Check and resolve the arguments of ``FillMask.marginals``.

    Raises:
        InputError: One of them is wrong, or the variant is not exact at unmasked positions.
    """
    check_masking_truncation(truncation)
    if not isinstance(masked, bool):
        raise InputError(f"masked must be True or False, got {masked!r}")
    if not masked:
        check_unmasked(model)
    ids = None if alphabet is None else tuple(_alphabet_id(model, token) for token in _letters(alphabet))
    if ids and len(set(ids)) < len(ids):
        raise InputError("the alphabet names a token twice")
    return Result(Parameters(ids, masked, truncation))


def marginals(model: Model, text: str, parameters: Parameters) -> Task[Marginals]:
    """Read the alphabet at every position of a text; the model's own mask in it is a position like the others.

    Raises:
        InputError: The text has no token, the model does not take it, or the matrix would be too large.
    """
    tokens = tokenize(model, text)
    if not tokens.ids.size:
        raise TextError("the text has no token to read")
    check_length(model, tokens, parameters.truncation)
    # Collected here rather than in ``resolve``, which a server calls in its event loop: a large vocabulary takes 0.1 s.
    ids = alphabet_ids(model, parameters.alphabet)
    _check_size(tokens.ids.size, ids.size, parameters.most_log_probs)
    reading = AlphabetLogProbs(ids.tobytes())
    log_probs = np.concatenate(
        (yield from read_all((_masked if parameters.masked else _unmasked)(model, tokens, reading)))
    )
    wild = Wild(model, tokens, reading, ids, parameters.masked)
    return Result(Marginals(token_names(model, tokens.ids), token_names(model, ids), log_probs, wild))


MARGINALS = Verb("marginals", resolve, marginals)


def check_unmasked(model: Model) -> None:
    """Refuse to read unmasked positions with a variant that was verified at masks only.

    Raises:
        InputError: The manifest says that the variant is quantized and not that it reads unmasked tokens, or there is
            no manifest and the variant is not fp32 or fp16.
    """
    entries = model.artifact.manifest.get("variants", {})
    exact = [name for name in model.artifact.variants if _is_exact(name, entries.get(name))]
    if model.variant not in exact:
        instead = f"take variant {exact[0]!r}" if exact else "export the model with a variant fp32, and take that"
        raise InputError(
            f"variant {model.variant} was verified at masks only, and unmasked marginals read tokens that are seen; "
            f"{instead}"
        )


def _check_size(positions: int, letters: int, most: int) -> None:
    if positions * letters > most:
        sizes = f"{positions} positions of {letters} tokens are more than {most} log probabilities"
        raise InputError(f"{sizes}; name a smaller alphabet, or shorten the text")


def _is_exact(name: str, entry: dict[str, object] | None) -> bool:
    if entry is None:
        return name in ("fp32", "fp16")
    return "quantization" not in entry or entry.get("unmasked_verified") is True


def _masked(model: Model, tokens: TextTokens, reading: AlphabetLogProbs) -> Iterator[Read]:
    for index in range(tokens.ids.size):
        yield masked_read(model, tokens, [index], [index], reading)


def _unmasked(model: Model, tokens: TextTokens, reading: AlphabetLogProbs) -> Iterator[Read]:
    """Cover a long text with windows that overlap by half; a token is read in the one whose center is nearest."""
    size, most = model.encoder.windows.size, most_positions(model)
    last: int = max(0, tokens.ids.size - size)
    starts: list[int] = [*range(0, last, max(1, size // 2)), last]

    def nearest(index: int) -> int:
        distances = [abs(2 * (index - start) + 1 - size) for start in starts]
        return starts[distances.index(min(distances))]

    for start, group in groupby(range(tokens.ids.size), key=nearest):
        positions = list(group)
        for first in range(0, len(positions), most):
            yield masked_read(model, tokens, (), positions[first : first + most], reading, start=start)


def token_names(model: Model, ids: NDArray[np.int64]) -> tuple[str, ...]:
    """Tokens as the vocabulary writes them."""
    return tuple(map(str, map(model.tokenizer.tokenizer.id_to_token, ids.tolist())))


def alphabet_ids(model: Model, chosen: tuple[int, ...] | None) -> NDArray[np.int64]:
    """The tokens to read, by default those that are not special; of a model of proteins the amino acids."""
    if chosen is not None:
        return np.array(chosen, dtype=np.int64)
    tokenizer = model.tokenizer.tokenizer
    acids = [token for letter in AMINO_ACIDS if (token := tokenizer.token_to_id(letter)) is not None]
    if tokenizer.get_vocab_size() <= MOST_PROTEIN_TOKENS and len(acids) == len(AMINO_ACIDS):
        return np.array(acids, dtype=np.int64)
    special = {token for token, added in tokenizer.get_added_tokens_decoder().items() if added.special}
    ids = {*tokenizer.get_vocab().values()} - special - {model.tokenizer.unk_token_id}
    return np.array(sorted(token for token in ids if token < model.vocab_size), dtype=np.int64)


def _letters(alphabet: object) -> Sequence[str]:
    if not isinstance(alphabet, (str, Sequence)) or not alphabet or any(not isinstance(each, str) for each in alphabet):
        raise InputError(f"alphabet must be a string of characters or a list of tokens, got {alphabet!r}")
    try:
        check_text("".join(alphabet))
    except TextError as error:
        raise InputError(f"alphabet: {error}") from error
    return list(alphabet)


def _alphabet_id(model: Model, token: str) -> int:
    found: int | None = model.tokenizer.tokenizer.token_to_id(token)
    if found is None:
        ids: list[int] = tokenize(model, token).ids.tolist()
        found = ids[0] if len(ids) == 1 and ids[0] != model.tokenizer.unk_token_id else None
    if found is None or found >= model.vocab_size:
        raise InputError(f"{token!r} in the alphabet is not a token of the model")
    return found
