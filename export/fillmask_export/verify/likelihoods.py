"""How far a variant's log probabilities of whole texts are from those of fp32.

Figures at masks drawn at random do not tell: a pseudo-log-likelihood adds one error for each token, of tokens that are
often improbable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fillmask.cli.bar import track
from fillmask.log_scoring import log_softmax_at
from fillmask.runtime.session import Session
from fillmask_export.in_order import THREADS, map_in_order
from fillmask_export.verify.eval_data import EvalData
from fillmask_export.verify.sentences import Ids, replaced

_ROWS = 32  # of a run


@dataclass(frozen=True, slots=True)
class Likelihoods:
    """A variant beside fp32, over the same texts, each token masked alone.

    Attributes:
        texts: Number of held-out texts.
        tokens: Their number of tokens.
        mean_log_prob_difference: Mean absolute difference of a token's log probability, in nats.
        rank_correlation: Spearman's correlation of the texts' pseudo-log-likelihoods; None if they have no order.
        pairs: Number of minimal pairs.
        pairs_decided_alike: Share of the pairs of which both prefer the same text.
        pairs_decided_rightly: Share of the pairs of which the variant prefers the first text.
        fp32_decided_rightly: The same for fp32.
    """

    texts: int
    tokens: int
    mean_log_prob_difference: float
    rank_correlation: float | None
    pairs: int
    pairs_decided_alike: float
    pairs_decided_rightly: float
    fp32_decided_rightly: float


class Baseline(NamedTuple):
    """What fp32 gives.

    Attributes:
        texts: Texts of the log probabilities.
        pairs: Minimal pairs, the better text first.
        of_texts: Log probabilities of each text's tokens, ``float64[n]``.
        of_pairs: Pseudo-log-likelihoods of each pair, ``float64[p, 2]``.
    """

    texts: Sequence[Ids]
    pairs: Sequence[tuple[Ids, Ids]]
    of_texts: list[NDArray[np.float64]]
    of_pairs: NDArray[np.float64]


class Scorer:
    """Log probabilities of the tokens of texts, each masked alone.

    Args:
        graph: The graph.
        tokenizer: transformers' fast tokenizer.
    """

    def __init__(self, graph: Path, tokenizer: Any) -> None:  # noqa: ANN401
        self._session = Session(graph, threads=THREADS, spinning=False)
        self._mask = tokenizer.mask_token_id
        self._special = np.array(tokenizer.all_special_ids)
        self._scored: dict[bytes, NDArray[np.float64]] = {}

    def places(self, text: Ids) -> NDArray[np.intp]:
        """Where a text has ordinary tokens."""
        return np.flatnonzero(~np.isin(text, self._special))

    def log_probs(self, text: Ids) -> NDArray[np.float64]:
        """Nats of each ordinary token of a text, ``float64[n]``."""
        key = text.tobytes()  # a made pair begins with a text that is scored already
        if key not in self._scored:
            logits = self._logits(text, self.places(text))
            self._scored[key] = np.array([log_softmax_at(row, text[[place]])[0] for place, row in logits])
        return self._scored[key]

    def likeliest_other(self, text: Ids, place: int) -> int:
        """The most probable ordinary token at a place, other than the text's own."""
        ((_, logits),) = self._logits(text, np.array([place]))
        logits[[*self._special, text[place]]] = -np.inf
        return int(logits.argmax())

    def _logits(self, text: Ids, places: NDArray[np.intp]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        for start in range(0, places.size, _ROWS):
            some = places[start : start + _ROWS]
            rows = np.tile(text, (some.size, 1))
            rows[range(some.size), some] = self._mask
            yield from zip(some.tolist(), self._session.run(rows, np.ones_like(rows), some[:, None])[:, 0], strict=True)


def measure_fp32(graph: Path, tokenizer: Any, eval_data: EvalData) -> Baseline:  # noqa: ANN401
    """Score the texts and pairs with the fp32 graph; without pairs of the user make some, see ``replaced``."""
    scorer, texts = Scorer(graph, tokenizer), eval_data.sentences.texts
    pairs = eval_data.sentences.pairs or [
        (text, replaced(text, place, scorer.likeliest_other(text, place)))
        for text, place in zip(texts, eval_data.sentences.places, strict=True)
    ]
    return Baseline(texts, pairs, _of_texts(scorer, texts), _sums(scorer, pairs))


def add_likelihoods(
    variants: Mapping[str, dict[str, Any]],
    fp32: Path,
    folder: Path,
    *,
    tokenizer: Any,  # noqa: ANN401
    eval_data: EvalData,
) -> None:
    """Add the figures of every variant but fp32 to its entry of the manifest.

    Args:
        variants: The entries.
        fp32: The fp32 graph.
        folder: Holds the graphs of the variants.
        tokenizer: transformers' fast tokenizer.
        eval_data: Texts for verification.
    """
    baseline = measure_fp32(fp32, tokenizer, eval_data)
    for variant, entry in variants.items():
        if variant != "fp32":
            entry["likelihoods"] = asdict(measure_likelihoods(folder / entry["file"], tokenizer, baseline))


def measure_likelihoods(graph: Path, tokenizer: Any, baseline: Baseline) -> Likelihoods:  # noqa: ANN401
    """Score the same texts and pairs with a variant's graph."""
    scorer = Scorer(graph, tokenizer)
    return compare(baseline, _of_texts(scorer, baseline.texts), _sums(scorer, baseline.pairs))


def compare(baseline: Baseline, of_texts: list[NDArray[np.float64]], of_pairs: NDArray[np.float64]) -> Likelihoods:
    """Compare what a variant gives with what fp32 gives."""
    differences = np.abs(np.concatenate(of_texts) - np.concatenate(baseline.of_texts))
    right, fp32_right = (sums[:, 0] > sums[:, 1] for sums in (of_pairs, baseline.of_pairs))
    return Likelihoods(
        texts=len(of_texts),
        tokens=differences.size,
        mean_log_prob_difference=float(differences.mean()),
        rank_correlation=_spearman(*([float(each.sum()) for each in found] for found in (of_texts, baseline.of_texts))),
        pairs=len(of_pairs),
        pairs_decided_alike=float((right == fp32_right).mean()),
        pairs_decided_rightly=float(right.mean()),
        fp32_decided_rightly=float(fp32_right.mean()),
    )


def _of_texts(scorer: Scorer, texts: Sequence[Ids]) -> list[NDArray[np.float64]]:
    return [*map_in_order(scorer.log_probs, track(texts, "scoring"))]


def _sums(scorer: Scorer, pairs: Sequence[tuple[Ids, Ids]]) -> NDArray[np.float64]:
    def sums(pair: tuple[Ids, Ids]) -> list[float]:
        return [float(scorer.log_probs(text).sum()) for text in pair]

    return np.array([*map_in_order(sums, track(pairs, "scoring", "pairs"))])


def _spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Correlate ranks; equal values share the mean of their ranks."""
    ranks = np.stack([_ranks(np.array(values)) for values in (first, second)])
    if np.ptp(ranks, axis=1).min() == 0:
        return None
    first_ranks, second_ranks = ranks - ranks.mean(axis=1, keepdims=True)
    return float(first_ranks @ second_ranks / np.sqrt((first_ranks @ first_ranks) * (second_ranks @ second_ranks)))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: NDArray[np.float64] = (ends - (counts - 1) / 2)[index]
    return ranks
