"""Write ``<family>/scores.json`` and ``<family>/blimp.json.xz``: ``python -m tests.golden.make_scores``.

minicons scores texts with the checkpoints that the golden models were exported from, token by token, by both methods
that it has. The texts are those below, and sentences of BLiMP. lm-pub-quiz must give the same within 1e-4, else nothing
is written. They need packages that the project does not depend on, so make an environment for them:

    python -m venv scores
    scores/bin/pip install torch==2.13.0 'transformers<5' minicons==0.3.39 lm-pub-quiz==0.3.3
    scores/bin/python -m tests.golden.make_scores
"""

from __future__ import annotations

import json
import lzma
import tempfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import torch
from lm_pub_quiz import Evaluator
from minicons.scorer import MaskedLMScorer
from transformers import AutoModelForMaskedLM, AutoTokenizer

from tests.support.blimp import sentences
from tests.support.checkpoints import FAMILIES, make_checkpoint

HERE = Path(__file__).parent
PACKAGES = ("minicons", "lm-pub-quiz", "torch", "transformers", "tokenizers")
# The names that both have for the methods.
METHODS = {"original": "original", "word_l2r": "within_word_l2r"}
TEXTS = [
    "the",
    "The keys to the cabinet are on the table.",
    "The keys to the cabinet is on the table.",
    "The traveler lost the souvenir.",
    "It isn't unbelievably good, is it?",
    "Él está en la montaña.",
    "日本は島国です。",
    "A well-known (3.14) number!",
    "  two  spaces\tand a tab ",
    "naïve 👍🏽 café",
]


def main() -> None:
    """Score the texts with every family."""
    torch.set_num_threads(1)
    for family in FAMILIES:
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = make_checkpoint(family, Path(folder))
            tokenizer = AutoTokenizer.from_pretrained(checkpoint)
            if tokenizer.pad_token is None:  # minicons sets up padding even for one text
                tokenizer.pad_token = tokenizer.mask_token
            model = AutoModelForMaskedLM.from_pretrained(checkpoint)
            scorer = MaskedLMScorer(model, "cpu", tokenizer=tokenizer)
            cases, of_blimp = ([_case(scorer, text) for text in texts] for texts in (TEXTS, sentences()))
            _check(scorer, cases + of_blimp)
        (HERE / family / "scores.json").write_text(_to_json(cases), encoding="utf-8")
        (HERE / family / "blimp.json.xz").write_bytes(lzma.compress(_to_json(map(_without_text, of_blimp)).encode()))


def _case(scorer: MaskedLMScorer, text: str) -> dict[str, object]:
    log_probs = {}
    for method, metric in METHODS.items():
        (scored,) = scorer.token_score([text], PLL_metric=metric)
        log_probs[method] = [log_prob for _, log_prob in scored]
    return {"text": text, **log_probs}


def _check(scorer: MaskedLMScorer, cases: list[dict[str, object]]) -> None:
    """Refuse to go on unless lm-pub-quiz agrees."""
    options = {"model_type": "MLM", "tokenizer": scorer.tokenizer, "device": "cpu", "model_name": "golden"}
    for method, metric in METHODS.items():
        evaluator = Evaluator.from_model(scorer.model, pll_metric=metric, **options)
        for case in cases:
            batch, _ = evaluator.encode([case["text"]], [])
            (scored,) = evaluator.score_statements(batch)
            torch.testing.assert_close(torch.tensor(scored), torch.tensor(case[method]), rtol=0, atol=1e-4)


def _without_text(case: dict[str, list[float]]) -> dict[str, object]:
    """The numbers alone, of which the test needs no more than five decimals."""
    return {method: [round(log_prob, 5) for log_prob in case[method]] for method in METHODS}


def _to_json(cases: Iterable[dict[str, object]]) -> str:
    """One text a line, so that a changed score is a changed line."""
    made_with = json.dumps({package: version(package) for package in PACKAGES})
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    return f'{{"made_with": {made_with}, "cases": [\n{lines}\n]}}\n'


if __name__ == "__main__":
    main()
