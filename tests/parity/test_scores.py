"""Scores beside those that minicons and lm-pub-quiz gave for the same checkpoints, token by token."""

from __future__ import annotations

import json
import lzma
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from fillmask import FillMask
from tests.support.blimp import sentences

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = {path.parent.name: json.loads(path.read_text("utf-8"))["cases"] for path in GOLDEN.glob("*/scores.json")}
FAMILY_AND_CASE = [(family, case) for family, cases in sorted(CASES.items()) for case in cases]


@cache
def _engine(family):
    return FillMask(GOLDEN / family / "model", threads=1)


@pytest.mark.filterwarnings("ignore::fillmask.UnknownWarning")
@pytest.mark.parametrize("method", ["original", "word_l2r"])
@pytest.mark.parametrize(("family", "case"), FAMILY_AND_CASE, ids=lambda value: value if isinstance(value, str) else "")
def test_each_token_has_the_log_probability_that_minicons_gives_it(family, case, method):
    score = _engine(family).score(case["text"], method=method)
    got = [token.log_prob for token in score.tokens]
    np.testing.assert_allclose(got, case[method], rtol=0, atol=1e-4)
    assert score.log_prob == pytest.approx(sum(case[method]), abs=1e-4 * len(got))


@pytest.mark.filterwarnings("ignore::fillmask.UnknownWarning")
@pytest.mark.parametrize("method", ["original", "word_l2r"])
@pytest.mark.parametrize("family", sorted(CASES))
def test_each_token_of_400_sentences_of_blimp_has_it_too(family, method):
    cases = json.loads(lzma.decompress((GOLDEN / family / "blimp.json.xz").read_bytes()))["cases"]
    scores = [*_engine(family).score_many(sentences(), method=method, batch_size=16, workers=2)]
    got = [[token.log_prob for token in score.tokens] for score in scores]
    assert [len(log_probs) for log_probs in got] == [len(case[method]) for case in cases]
    assert len(got) >= 400
    np.testing.assert_allclose(np.concatenate(got), np.concatenate([case[method] for case in cases]), rtol=0, atol=1e-4)


def test_every_family_of_the_golden_files_has_scores():
    assert {path.name for path in GOLDEN.iterdir() if (path / "model").is_dir()} == CASES.keys()
    assert all(len(case["original"]) == len(case["word_l2r"]) for cases in CASES.values() for case in cases)
