"""What an evaluation measures, against cases made by hand and against transformers."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.evaluation import estimates, words
from benchmarks.evaluation.running_text import Masked, cut, read_scores, running_text
from benchmarks.evaluation.texts import Fact, Pair, Passage, read_articles, read_facts, read_pairs, read_passages
from fillmask import FillMask, Prediction, TextError

SENTENCES = ["The old man sat by the river.", "Water is wet", "She reads a book about the sea and the sky."]


@pytest.fixture(scope="module")
def fill_mask(folder_of):
    return FillMask(folder_of("wordpiece", "native"), threads=1)


def test_a_label_is_scored_by_its_logit_and_by_those_above_it():
    logits = np.log(np.array([[1, 2, 5], [4, 4, 2]], dtype=np.float32))
    found = read_scores(np.array([1, 0]), logits)
    np.testing.assert_allclose(found, [[math.log(2 / 8), 1], [math.log(4 / 10), 0]], rtol=1e-6)


def test_a_mean_is_that_of_all_tokens_and_its_interval_that_of_texts():
    groups = [np.zeros(10), np.ones(10)]
    by_text, by_token = estimates.mean(groups), estimates.mean([np.array([each]) for group in groups for each in group])
    assert by_text.value == by_token.value == 0.5
    assert (by_text.low, by_text.high, by_text.n) == (0.0, 1.0, 20)
    assert 0.2 < by_token.low < 0.4
    assert 0.6 < by_token.high < 0.8


def test_an_interval_is_the_usual_one_where_values_are_independent():
    values = np.random.default_rng(1).normal(size=400)
    found, half = estimates.mean([np.array([value]) for value in values]), 1.96 * values.std() / 20
    assert found.low == pytest.approx(values.mean() - half, abs=half / 10)
    assert found.high == pytest.approx(values.mean() + half, abs=half / 10)


def test_strata_count_alike_however_many_values_they_have():
    found = estimates.mean_of_means([np.zeros(90), np.ones(10)])
    assert (found.value, found.low, found.high, found.n) == (0.5, 0.5, 0.5, 100)


def test_the_same_tokens_are_masked_however_a_text_is_cut():
    ids = np.arange(510)
    text = Masked(ids, np.array([0, 29, 30, 200, 479]), np.array([29, 200]))
    for size in (30, 62, 510):
        parts = list(cut(text, size))
        assert np.concatenate([part.ids[part.together] for part in parts]).tolist() == [0, 29, 30, 200, 479]
        assert np.concatenate([part.ids[part.alone] for part in parts]).tolist() == [29, 200]
        assert all(part.ids.size <= size for part in parts)


def test_running_text_is_scored_as_transformers_scores_it(fill_mask, checkpoint_of, monkeypatch):
    articles = [[sentence] * 60 for sentence in SENTENCES]
    engine = running_text(fill_mask, articles)
    assert engine.keys() == {"paragraphs", "32", "64"}  # the model takes 64 tokens
    logits = _logits_of(checkpoint_of("wordpiece"))
    monkeypatch.setattr(type(fill_mask.model), "logits", lambda self, rows: logits(rows))
    for kind, found in running_text(fill_mask, articles).items():
        for name, estimate in found.items():
            assert engine[kind][name].n == estimate.n > 0
            assert engine[kind][name].value == pytest.approx(estimate.value, rel=1e-4)


def test_pairs_are_decided_by_the_likelihoods_of_transformers(fill_mask, checkpoint_of):
    pairs = [Pair(good[:1], good, bad) for good in SENTENCES for bad in SENTENCES if good != bad]
    likelihoods = {text: _pseudo_log_likelihood(checkpoint_of("wordpiece"), text) for text in SENTENCES}
    found = words.minimal_pairs(fill_mask, pairs, "original")
    for name, (share, number) in found["paradigms"].items():
        right = [likelihoods[pair.good] > likelihoods[pair.bad] for pair in pairs if pair.paradigm == name]
        assert (share, number) == (np.mean(right), len(right))
    assert found["accuracy"].n == len(pairs)


def test_a_word_counts_where_the_pipeline_has_it_among_its_first(fill_mask):
    for text in ("The old man sat by the", "the " * 99):
        predicted = fill_mask.predict(f"{text} {fill_mask.tokenizer.mask_token}.", truncation="window")[0]
        for rank, prediction in enumerate(predicted):
            if words._token(fill_mask, prediction.token_str) == prediction.token:
                found = words.last_words(fill_mask, [Passage(text, prediction.token_str)])
                assert (found["accuracy"].value, found["top_5"].value) == (rank == 0, 1.0)


def test_relations_count_alike_and_only_objects_of_one_token():
    facts = [Fact("P1", "[X] is [Y].", "Snow", "white"), Fact("P1", "[X] is [Y].", "Coal", "black"),
             Fact("P1", "[X] is [Y].", "Sand", "two words"), Fact("P2", "In [Y], [X].", "Rome", "green")]  # fmt: skip
    model = _Stub(["white", "black", "green"], [[0, 8, 9], [7, 8, 1], [7, 8, 9]])
    found = words.relations(model, facts)
    assert model.texts == ["Snow is <m>.", "Coal is <m>.", "In <m>, Rome."]
    assert (found["p_at_1"].value, found["p_at_5"].value) == (0.25, 0.5)
    assert found["pooled_p_at_5"].value == pytest.approx(2 / 3)
    assert found["relations"] == {"P1": [0.5, 1.0, 2], "P2": [0.0, 0.0, 1]}


def test_a_last_word_is_followed_by_a_full_stop():
    model = _Stub(["green"], [[0]])
    found = words.last_words(model, [Passage("Grass is", "green"), Passage("Snow is", "not here")])
    assert model.texts == ["Grass is <m>."]
    assert (found["accuracy"].value, found["top_5"].n) == (1.0, 1)


def test_words_that_are_no_tokens_and_texts_that_fail_are_errors():
    with pytest.raises(ValueError, match="no word of these texts is one token"):
        words.last_words(_Stub([], []), [Passage("Grass is", "green")])
    with pytest.raises(TextError, match="bad"):
        words.checked(TextError("bad"))


def test_the_texts_that_are_kept_are_those_that_the_page_counts():
    assert len(read_articles()) == 60
    assert (len(read_facts()), len({fact.relation for fact in read_facts()})) == (278, 12)
    assert len(read_passages()) == 500
    assert (len(read_pairs()), len({pair.paradigm for pair in read_pairs()})) == (20 * 67, 67)


class _Stub:
    """A FillMask whose vocabulary is some words and whose predictions are fixed."""

    batch_invariant = True

    def __init__(self, vocabulary, predicted):
        self.tokenizer, self.predicted = SimpleNamespace(mask_token="<m>"), predicted

        def encode(word, **_):
            known = word.strip() in vocabulary
            return SimpleNamespace(ids=[vocabulary.index(word.strip())] if known else [5, 6])

        self.model = SimpleNamespace(
            tokenizer=SimpleNamespace(tokenizer=SimpleNamespace(encode=encode), unk_token_id=99)
        )

    def predict_many(self, texts, **_):
        self.texts = list(texts)
        return [[[Prediction(0.1, token, "", "") for token in tokens]] for tokens in self.predicted]


def _logits_of(checkpoint):
    """Logits of rows by transformers."""
    torch = pytest.importorskip("torch")
    from transformers import AutoModelForMaskedLM

    model = AutoModelForMaskedLM.from_pretrained(checkpoint).eval()

    def logits(rows):
        with torch.inference_mode():
            runs = [model(input_ids=torch.from_numpy(row.input_ids)[None]).logits[0] for row in rows]
        return np.stack([run.numpy()[row.positions] for run, row in zip(runs, rows, strict=True)])

    return logits


def _pseudo_log_likelihood(checkpoint, sentence):
    """One run a token, with nothing of fillmask."""
    torch = pytest.importorskip("torch")
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    tokenizer, model = (each.from_pretrained(checkpoint) for each in (AutoTokenizer, AutoModelForMaskedLM))
    encoded = tokenizer(sentence, return_tensors="pt", return_special_tokens_mask=True)
    special, total = encoded.pop("special_tokens_mask")[0], 0.0
    for place in torch.nonzero(special == 0)[:, 0].tolist():
        masked = {name: value.clone() for name, value in encoded.items()}
        masked["input_ids"][0, place] = tokenizer.mask_token_id
        with torch.inference_mode():
            logits = model.eval()(**masked).logits[0, place]
        total += float(torch.log_softmax(logits.double(), -1)[encoded["input_ids"][0, place]])
    return total
