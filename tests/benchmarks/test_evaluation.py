"""What an evaluation measures, against cases made by hand and against transformers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.evaluation import estimates, minimal_pairs, running_text, words
from benchmarks.evaluation.checkpoint import open_checkpoint
from benchmarks.evaluation.cli import command
from benchmarks.evaluation.engine import open_folder
from benchmarks.evaluation.rows import Row, Scores, batches, score
from benchmarks.evaluation.running_text import Masked, cut
from benchmarks.evaluation.texts import Fact, Pair, Passage, read_kept
from benchmarks.harness.records import findings
from fillmask import FillMask

SENTENCES = ["The old man sat by the river.", "Water is wet", "She reads a book about the sea and the sky."]


@pytest.fixture(scope="module")
def models(folder_of, checkpoint_of):
    return open_folder(folder_of("wordpiece", "native")), open_checkpoint(checkpoint_of("wordpiece"))


def test_a_label_is_scored_by_its_logit_and_by_those_above_it():
    logits = np.log(np.array([[1, 2, 5], [4, 4, 2]], dtype=np.float32))
    found = score(logits, np.array([1, 0]))
    np.testing.assert_allclose(found.log_probs, [math.log(2 / 8), math.log(4 / 10)], rtol=1e-6)
    assert found.ranks.tolist() == [1, 0]


def test_logits_too_large_for_exp_are_scored_too():
    found = score(np.array([[1000.0, 999.0]], dtype=np.float32), np.array([1]))
    assert found.log_probs[0] == pytest.approx(-1 - math.log1p(math.exp(-1)), rel=1e-6)


def test_every_row_is_in_one_batch_of_equal_rows_and_no_batch_is_too_large():
    rng = np.random.default_rng(0)
    rows = [_row(int(length), max(1, int(length) // 7)) for length in rng.integers(3, 513, size=2000)]
    planned = batches(rows, 32)
    assert sorted(index for batch in planned for index in batch) == list(range(2000))
    assert max(map(len, planned)) > 1
    assert max(map(len, batches(rows, 1))) == 1
    for batch in planned:
        ((tokens, masks),) = {(rows[index].input_ids.size, rows[index].positions.size) for index in batch}
        assert len(batch) == 1 or (len(batch) * masks <= 64 and len(batch) * tokens <= 4096 and len(batch) <= 32)


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


def test_pseudo_log_likelihoods_are_those_of_transformers(models, checkpoint_of):
    expected = [_pseudo_log_likelihood(checkpoint_of("wordpiece"), sentence) for sentence in SENTENCES]
    for model in models:
        found = minimal_pairs.pseudo_log_likelihoods(model, SENTENCES)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_running_text_is_scored_alike_by_the_engine_and_by_transformers(models):
    articles = [[sentence] * 60 for sentence in SENTENCES]
    engine, checkpoint = (running_text.measure(model, articles) for model in models)
    assert engine.keys() == {"paragraphs", "32", "64"}  # the models take 64 tokens
    for kind, found in engine.items():
        for name, estimate in found.items():
            assert estimate.n == checkpoint[kind][name].n > 0
            assert estimate.value == pytest.approx(checkpoint[kind][name].value, rel=1e-4)


def test_the_ranks_of_words_are_those_of_the_pipeline(models, folder_of):
    mask = models[0].encoder.mask_token
    fill_mask = FillMask(folder_of("wordpiece", "native"), threads=1)
    for text in (f"The {mask} sat by the river.", f"She reads a {mask}", f"{'the ' * 99} old {mask}."):
        expected = [prediction.token for prediction in fill_mask.predict(text, truncation="window")[0]]
        for model in models:
            scores = model.score([model.encoder.cloze(text, token) for token in expected])
            assert [each.ranks.tolist() for each in scores] == [[0], [1], [2], [3], [4]]


def test_relations_count_alike_and_only_objects_of_one_token():
    facts = [Fact("P1", "[X] is [Y].", "Snow", "white"), Fact("P1", "[X] is [Y].", "Coal", "black"),
             Fact("P1", "[X] is [Y].", "Sand", "two words"), Fact("P2", "In [Y], [X].", "Rome", "green")]  # fmt: skip
    model = _Stub(["white", "black", "green"], [0, 2, 5])
    found = words.relations(model, facts)
    assert model.texts == ["Snow is <m>.", "Coal is <m>.", "In <m>, Rome."]
    assert (found["p_at_1"].value, found["p_at_5"].value) == (0.25, 0.5)
    assert found["pooled_p_at_5"].value == pytest.approx(2 / 3)
    assert found["relations"] == {"P1": [0.5, 1.0, 2], "P2": [0.0, 0.0, 1]}


def test_a_last_word_is_followed_by_a_full_stop():
    model = _Stub(["green"], [0])
    found = words.last_words(model, [Passage("Grass is", "green"), Passage("Snow is", "not here")])
    assert model.texts == ["Grass is <m>."]
    assert (found["accuracy"].value, found["top_5"].n) == (1.0, 1)


def test_a_pair_is_decided_rightly_where_the_good_sentence_is_likelier():
    pairs = [Pair("a", "xx", "xxx"), Pair("a", "xxx", "xx"), Pair("b", "x", "xx"), Pair("b", "x", "x")]
    found = minimal_pairs.measure(_Stub([], [0] * 99), pairs)  # each token costs one nat
    assert found["paradigms"] == {"a": [0.5, 2], "b": [0.5, 2]}
    assert (found["accuracy"].value, found["accuracy"].n) == (0.5, 4)


def test_the_command_counts_what_the_embedded_model_predicts(tmp_path):
    done = CliRunner().invoke(command, ["--task", "relations", "--out", str(tmp_path / "found.json"), "--details"])
    assert done.exit_code == 0, done.output
    (model,) = findings(tmp_path / "found.json")["subjects"]
    fill_mask = FillMask()
    facts = [fact for fact in read_kept().facts if fact.relation == "P37"]
    texts = [fact.template.replace("[X]", fact.subject).replace("[Y]", "[MASK]") for fact in facts]
    predicted = [fill_mask(text, top_k=1)[0]["token_str"] for text in texts]
    hits = [word == fact.object.lower() for word, fact in zip(predicted, facts, strict=True)]
    assert model["found"]["relations"]["relations"]["P37"][::2] == [pytest.approx(np.mean(hits), abs=1e-4), len(hits)]
    assert "| P37 |" in done.output


@pytest.mark.parametrize("arguments", [["--no-engine"], ["--task", "relations", "--card", "card.md"]])
def test_options_that_exclude_each_other_are_refused_before_anything_runs(arguments):
    assert CliRunner().invoke(command, arguments).exit_code == 2


class _Stub:
    """Its vocabulary is some words, its ranks are fixed, and it finds every token equally likely."""

    name, files, mask_token = "stub", {}, "<m>"

    def __init__(self, vocabulary, ranks):
        self.encoder, self._vocabulary, self._ranks, self.texts = self, vocabulary, ranks, []

    def token(self, word):
        return self._vocabulary.index(word) if word in self._vocabulary else None

    def cloze(self, text, label):
        self.texts.append(text)
        return _row(3, 1)

    def one_by_one(self, text):
        return [_row(3, 1) for _ in text]

    def score(self, rows):
        return [Scores(np.array([-1.0]), np.array([rank])) for _, rank in zip(rows, self._ranks, strict=False)]


def _row(length, masks):
    return Row(np.zeros(length, dtype=np.int64), np.arange(masks), np.zeros(masks, dtype=np.int64))


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
