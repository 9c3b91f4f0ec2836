"""Scores of pretrained models beside those that others published; skipped where the hub's cache lacks the weights.

``huggingface-cli download google-bert/bert-base-uncased`` puts them there. Sums are those of mlm-scoring, minicons and
lm-pub-quiz, in their READMEs and tests. Shares of BLiMP are those of better-mlm-scoring, over all 67,000 pairs.
"""

from __future__ import annotations

import pytest
from huggingface_hub import snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError

from benchmarks.evaluation.texts import read_pairs
from benchmarks.evaluation.words import minimal_pairs
from fillmask import FillMask
from fillmask_export import Plan, export

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

CASED, UNCASED = "google-bert/bert-base-cased", "google-bert/bert-base-uncased"
DISTILLED, ROBERTA = "distilbert/distilbert-base-cased", "FacebookAI/roberta-base"
SOUVENIR = "The traveler lost the souvenir."
SUMS = [
    (CASED, "original", "Hello world!", -12.410664),
    (UNCASED, "original", "I am Sam.", -13.3065947),
    (UNCASED, "original", "The keys to the cabinet are on the table.", -13.962686),
    (UNCASED, "original", "The keys to the cabinet is on the table.", -23.415112),
    (UNCASED, "original", SOUVENIR, -18.014726),
    (UNCASED, "word_l2r", SOUVENIR, -32.779836),
    (DISTILLED, "original", SOUVENIR, -22.408829),
    (DISTILLED, "word_l2r", SOUVENIR, -39.466528),
]
SHARES = [
    (CASED, "original", 0.842),
    (CASED, "word_l2r", 0.847),
    (CASED, "whole_word", 0.831),
    (ROBERTA, "original", 0.854),
    (ROBERTA, "word_l2r", 0.867),
]
# Three standard errors of a share of our sample of 1,340 pairs.
_NEAR = 0.03


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """Exports a pretrained model in fp32, once."""
    made = {}

    def engine(name):
        if name not in made:
            try:
                checkpoint = snapshot_download(name, local_files_only=True)
            except LocalEntryNotFoundError:
                pytest.skip(f"the weights of {name} are not in the hub's cache")
            folder = tmp_path_factory.mktemp("published") / "model"
            export(checkpoint, folder, ("fp32",), plan=Plan(masks=20, rounds=0))
            made[name] = FillMask(folder, variant="fp32")
        return made[name]

    return engine


@pytest.mark.parametrize(("name", "method", "text", "published"), SUMS)
def test_a_text_has_its_published_sum(engine, name, method, text, published):
    assert engine(name).score(text, method=method).log_prob == pytest.approx(published, abs=1e-3)


@pytest.mark.parametrize(("name", "method", "published"), SHARES)
def test_minimal_pairs_are_decided_as_often_as_published(engine, name, method, published):
    assert minimal_pairs(engine(name), read_pairs(), method)["accuracy"].value == pytest.approx(published, abs=_NEAR)
