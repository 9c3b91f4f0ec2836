"""What cloze measures, against cases made by hand and against transformers itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.cloze import estimates, minimal_pairs, running_text, words
from benchmarks.cloze.material import Fact, Pair, Passage, read_kept
from benchmarks.cloze.rows import Judgement, Row, batches, judge_logits
from benchmarks.cloze.running_text import Masked, cut
from benchmarks.cloze.subjects import Checkpoint, Engine
from benchmarks.harness.records import findings
from benchmarks.suites.cloze import command
from fillmask import FillMask

SENTENCES = ["The old man sat by the river.", "Water is wet", "She reads a book about the sea and the sky."]


@pytest.fixture(scope="module")
def subjects(folder_of, checkpoint_of):
    return Engine(folder_of("wordpiece", "native")), Checkpoint(checkpoint_of("wordpiece"))


def test_a_label_is_judged_by_its_logit_and_by_those_above_it():
    logits = np.log(np.array([[1, 2, 5], [4, 4, 2]], dtype=np.float32))
    judged = judge_logits(logits, np.array([1, 0]))
    np.testing.assert_allclose(judged.log_probs, [math.log(2 / 8), math.log(4 / 10)], rtol=1e-6)
    assert judged.ranks.tolist() == [1, 0]


def test_logits_too_large_for_exp_are_judged_too():
    judged = judge_logits(np.array([[1000.0, 999.0]], dtype=np.float32), np.array([1]))
    assert judged.log_probs[0] == pytest.approx(-1 - math.log1p(math.exp(-1)), rel=1e-6)


def test_every_row_is_in_one_batch_and_no_batch_is_too_large():
    rng = np.random.default_rng(0)
    rows = [_row(int(length), max(1, int(length) // 7)) for length in rng.integers(3, 513, size=200)]
    planned = batches(rows)
    assert sorted(index for batch in planned for index in batch) == list(range(200))
    assert max(map(len, planned)) > 1
    for batch in planned:
        masks = max(rows[index].positions.size for index in batch)
        tokens = max(rows[index].input_ids.size for index in batch)
        assert len(batch) == 1 or (len(batch) * masks <= 64 and len(batch) * tokens <= 4096)


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
    for room in (30, 62, 510):
        parts = list(cut(text, room))
        assert np.concatenate([part.ids[part.together] for part in parts]).tolist() == [0, 29, 30, 200, 479]
        assert np.concatenate([part.ids[part.alone] for part in parts]).tolist() == [29, 200]
        assert all(part.ids.size <= room for part in parts)


def test_pseudo_log_likelihoods_are_those_of_transformers(subjects):
    expected = [_pseudo_log_likelihood(subjects[1], sentence) for sentence in SENTENCES]
    for subject in subjects:
        found = minimal_pairs.pseudo_log_likelihoods(subject, SENTENCES)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_running_text_is_judged_alike_by_the_engine_and_by_transformers(subjects):
    articles = [[sentence] * 60 for sentence in SENTENCES]
    engine, checkpoint = (running_text.measure(subject, articles) for subject in subjects)
    assert engine.keys() == {"paragraphs", "32", "64"}  # the models take 64 tokens
    for kind, found in engine.items():
        for name, estimate in found.items():
            assert estimate.n == checkpoint[kind][name].n > 0
            assert estimate.value == pytest.approx(checkpoint[kind][name].value, rel=1e-4)


def test_the_first_tokens_are_those_of_the_pipeline(subjects):
    engine, checkpoint = subjects
    mask = engine.reader.tokenization.mask_token
    texts = [f"The {mask} sat by the river.", f"She reads a {mask}"]
    expected = [[prediction.token for prediction in engine._fill_mask.predict(text)[0]] for text in texts]
    assert engine.first(texts) == checkpoint.first(texts) == expected


def test_relations_count_alike_and_only_objects_of_one_token():
    facts = [Fact("P1", "[X] is [Y].", "Snow", "white"), Fact("P1", "[X] is [Y].", "Coal", "black"),
             Fact("P1", "[X] is [Y].", "Sand", "two words"), Fact("P2", "In [Y], [X].", "Rome", "green")]  # fmt: skip
    subject = _Stub(["white", "black", "green"], [[0, 9, 9, 9, 9], [9, 9, 1, 9, 9], [9, 9, 9, 9, 9]])
    found = words.relations(subject, facts)
    assert subject.asked == ["Snow is <m>.", "Coal is <m>.", "In <m>, Rome."]
    assert (found["p_at_1"].value, found["p_at_5"].value) == (0.25, 0.5)
    assert found["pooled_p_at_5"].value == pytest.approx(2 / 3)
    assert found["relations"] == {"P1": [0.5, 1.0, 2], "P2": [0.0, 0.0, 1]}


def test_a_last_word_is_followed_by_a_full_stop():
    subject = _Stub(["green"], [[0, 7, 8, 9, 9]])
    found = words.last_words(subject, [Passage("Grass is", "green"), Passage("Snow is", "not here")])
    assert subject.asked == ["Grass is <m>."]
    assert (found["accuracy"].value, found["top_5"].n) == (1.0, 1)


def test_a_pair_is_told_apart_where_the_good_sentence_is_likelier():
    pairs = [Pair("a", "xx", "xxx"), Pair("a", "xxx", "xx"), Pair("b", "x", "xx"), Pair("b", "x", "x")]
    found = minimal_pairs.measure(_Stub([], []), pairs)  # each token costs one nat
    assert found["paradigms"] == {"a": [0.5, 2], "b": [0.5, 2]}
    assert (found["accuracy"].value, found["accuracy"].n) == (0.5, 4)


def test_the_command_counts_what_the_embedded_model_answers(tmp_path):
    done = CliRunner().invoke(command, ["--task", "relations", "--out", str(tmp_path / "found.json"), "--details"])
    assert done.exit_code == 0, done.output
    (subject,) = findings(tmp_path / "found.json")["subjects"]
    fill_mask = FillMask()
    facts = [fact for fact in read_kept().facts if fact.relation == "P37"]
    texts = [fact.template.replace("[X]", fact.subject).replace("[Y]", "[MASK]") for fact in facts]
    answers = [fill_mask(text, top_k=1)[0]["token_str"] for text in texts]
    hits = [answer == fact.object.lower() for answer, fact in zip(answers, facts, strict=True)]
    assert subject["found"]["relations"]["relations"]["P37"][::2] == [pytest.approx(np.mean(hits), abs=1e-4), len(hits)]
    assert "| P37 |" in done.output


@pytest.mark.parametrize("arguments", [["--no-engine"], ["--task", "relations", "--card", "card.md"]])
def test_what_cannot_be_done_is_refused_before_anything_is_asked(arguments):
    assert CliRunner().invoke(command, arguments).exit_code == 2


class _Stub:
    """Knows some words, gives fixed answers, and finds every token as likely as the next."""

    name, files = "stub", {}

    def __init__(self, vocabulary, answers):
        self.reader, self._vocabulary, self._answers, self.asked = self, vocabulary, answers, []
        self.tokenization, self.mask_token = self, "<m>"

    def token(self, word):
        return self._vocabulary.index(word) if word in self._vocabulary else None

    def first(self, texts):
        self.asked = texts
        return self._answers

    def one_by_one(self, text):
        return [_row(3, 1) for _ in text]

    def judge(self, rows):
        return [Judgement(np.array([-1.0]), np.array([0])) for _ in rows]


def _row(length, masks):
    return Row(np.zeros(length, dtype=np.int64), np.arange(masks), np.zeros(masks, dtype=np.int64))


def _pseudo_log_likelihood(checkpoint, sentence):
    """One run a token, without batches, padding or our own reader."""
    torch = pytest.importorskip("torch")
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint._model.config._name_or_path)
    encoded = tokenizer(sentence, return_tensors="pt", return_special_tokens_mask=True)
    special, total = encoded.pop("special_tokens_mask")[0], 0.0
    for place in torch.nonzero(special == 0)[:, 0].tolist():
        masked = {name: value.clone() for name, value in encoded.items()}
        masked["input_ids"][0, place] = tokenizer.mask_token_id
        with torch.inference_mode():
            logits = checkpoint._model(**masked).logits[0, place]
        total += float(torch.log_softmax(logits.double(), -1)[encoded["input_ids"][0, place]])
    return total
