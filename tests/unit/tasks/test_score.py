"""The verb ``score`` beside brute force in numpy, on toy models whose logits depend on both neighbors of a token."""

from __future__ import annotations

import math
import pickle
import random
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from fillmask import FillMask, InputError, NoMaskError, TextError, TooLongError, UnknownWarning
from fillmask.tasks.score import SCORE, LogProbs, Parameters
from tests.support import toys

GOLDEN = Path(__file__).parents[2] / "golden"
METHODS = ["original", "word_l2r", "whole_word"]
TEXTS = ["the", "cat", "the cat sat on the mat.", "the dogs sat, singing?", "a red red [MASK] is in london!"]
MASK = 4


def log_probs(ids, position):
    """The log probabilities of the vocabulary at a position, in float64."""
    left, right = toys.tables(0)
    logits = (left[ids[position - 1]] + right[ids[position + 1]]).astype(np.float64)
    return logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())


def brute_force(text, method):
    """For each token the logarithm of its probability; the words are those of ``##``."""
    ids = toys.word_piece().encode(text).ids
    words = [0]
    for token in ids[1:]:
        words.append(words[-1] + (not toys.VOCAB[token].startswith("##")))
    found = []
    for position in range(1, len(ids) - 1):
        own = [other for other in range(len(ids)) if words[other] == words[position]]
        masked = {"original": [position], "whole_word": own, "word_l2r": [each for each in own if each >= position]}
        row = [MASK if other in masked[method] else token for other, token in enumerate(ids)]
        if ids[position] != MASK:
            found.append(log_probs(row, position)[ids[position]])
    return found


@cache
def golden(family):
    return FillMask(GOLDEN / family / "model", threads=1)


# What is computed


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("text", TEXTS)
def test_the_scores_are_those_of_brute_force(fill_mask, text, method):
    score = fill_mask.score(text, method=method)
    expected = brute_force(text, method)
    np.testing.assert_allclose([token.log_prob for token in score.tokens], expected, atol=2e-6)
    assert score.log_prob == pytest.approx(sum(expected), abs=1e-5)
    assert score.perplexity == pytest.approx(math.exp(-sum(expected) / len(expected)), rel=1e-5)


def test_the_default_masks_the_later_pieces_of_a_word(native):
    text = "the dogs sat"
    assert native.score(text) == native.score(text, method="word_l2r") != native.score(text, method="original")


def test_the_sum_over_a_word_is_the_log_of_a_probability_that_sums_to_one(native):
    """p(ab) = p(a | [MASK][MASK]) p(b | a [MASK]), so over all pairs of tokens it sums to 1."""
    left, right = toys.tables(0)
    the, sat = toys.VOCAB.index("the"), toys.VOCAB.index("sat")
    first = np.exp(log_probs([the, MASK, MASK, sat], 1))
    second = np.array([np.exp(log_probs([the, token, MASK, sat], 2)) for token in range(len(toys.VOCAB))])
    assert (first[:, None] * second).sum() == pytest.approx(1)
    pair = toys.VOCAB.index("dog"), toys.VOCAB.index("##s")
    (word,) = [word for word in native.score("the dogs sat").words if word.text == "dogs"]
    assert word.log_prob == pytest.approx(np.log(first[pair[0]] * second[pair]), abs=1e-5)
    assert left.shape == right.shape


@pytest.mark.parametrize("text", ["the cat sat.", "the", "a red cat is in london!"])
def test_of_words_of_one_piece_all_methods_give_the_same(fill_mask, text):
    assert len({fill_mask.score(text, method=method) for method in METHODS}) == 1


def test_word_by_word_the_sum_is_that_of_its_tokens(native):
    score = native.score("the dogs sat, singing?")
    assert [word.text for word in score.words] == ["the", "dogs", "sat", ",", "singing", "?"]
    for word in score.words:
        own = [token for token in score.tokens if word.start <= token.start < word.end]
        assert word.log_prob == pytest.approx(sum(token.log_prob for token in own), abs=1e-12)
        assert (word.start, word.end) == (own[0].start, own[-1].end)
    assert sum(word.log_prob for word in score.words) == pytest.approx(score.log_prob, abs=1e-12)


def test_tokens_know_their_place_their_id_and_their_text(native):
    tokens = native.score("The Dogs").tokens
    assert [(token.text, token.start, token.end, token.token_str) for token in tokens] == [
        ("The", 0, 3, "the"),
        ("Dog", 4, 7, "dog"),
        ("s", 7, 8, "##s"),
    ]
    assert [token.token for token in tokens] == [toys.VOCAB.index(token.token_str) for token in tokens]


def test_bits_are_nats_divided_by_the_log_of_two_and_the_perplexity_stays(native):
    nats, bits = native.score(TEXTS[2]), native.score(TEXTS[2], bits=True)
    assert bits.log_prob == pytest.approx(nats.log_prob / math.log(2), rel=1e-12)
    assert bits.perplexity == pytest.approx(nats.perplexity, rel=1e-12)
    for word, other in zip(bits.words, nats.words, strict=True):
        assert word.log_prob == pytest.approx(other.log_prob / math.log(2), rel=1e-12)


def test_words_between_spaces_can_be_masked_as_one(native):
    by_pieces = native.score("cat.dog sat", method="whole_word")
    by_spaces = native.score("cat.dog sat", method="whole_word", words="spaces")
    assert [word.text for word in by_pieces.words] == ["cat", ".", "dog", "sat"]
    assert [word.text for word in by_spaces.words] == ["cat.dog", "sat"]
    assert by_pieces.log_prob != by_spaces.log_prob


# Difficult texts


def test_a_mask_in_the_text_is_context_and_does_not_count(native):
    score = native.score("the [MASK] sat")
    assert [token.text for token in score.tokens] == ["the", "sat"]
    assert [word.text for word in score.words] == ["the", "sat"]
    assert [token.start for token in score.tokens] == [0, 11]


@pytest.mark.filterwarnings("ignore::fillmask.UnknownWarning")
@pytest.mark.parametrize("placeholder", ["{mask}", "<mask>"])
def test_a_placeholder_is_text_and_counts(fill_mask, placeholder):
    score = fill_mask.score(f"the {placeholder} sat")
    assert [word.text for word in score.words] == ["the", placeholder[0], "mask", placeholder[-1], "sat"]
    assert len(score.tokens) == 8


def test_a_special_token_inside_the_text_counts(native):
    assert [token.text for token in native.score("the [SEP] sat").tokens] == ["the", "[SEP]", "sat"]


@pytest.mark.parametrize("text", ["", "  ", "[MASK]", "[MASK] [MASK]"])
def test_a_text_without_a_token_to_score_is_refused(fill_mask, text):
    with pytest.raises(TextError, match="the text has no token to score"):
        fill_mask.score(text)


def test_a_token_that_the_vocabulary_lacks_is_marked_and_warned_of(native):
    with pytest.warns(UnknownWarning, match="1 of the text's 3 tokens are not in the vocabulary, the first is '日'"):
        score = native.score("the 日 sat")
    assert [token.unknown for token in score.tokens] == [False, True, False]
    assert [word.unknown for word in score.words] == [False, True, False]


def test_a_text_that_is_too_long_is_refused(native):
    with pytest.raises(TooLongError, match="the text has 22 tokens and the model takes at most 16"):
        native.score("cat " * 20)


@pytest.mark.parametrize("method", METHODS)
def test_in_windows_every_token_is_read_between_its_neighbors(fill_mask, method):
    text = " ".join(["cat", "dogs", "sat", "singing"] * 12)
    score = fill_mask.score(text, method=method, truncation="window")
    np.testing.assert_allclose([token.log_prob for token in score.tokens], brute_force(text, method), atol=2e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_word_that_is_longer_than_a_window_is_scored_all_the_same(fill_mask, method):
    text = "c" * 60
    score = fill_mask.score(text, method=method, truncation="window")
    assert len(score.tokens) == 60
    assert len(score.words) == 1
    assert math.isfinite(score.log_prob)


def test_windows_change_nothing_where_the_text_fits(native):
    assert native.score(TEXTS[2], truncation="window") == native.score(TEXTS[2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "pll"}, "method must be one of 'word_l2r', 'original', 'whole_word', got 'pll'"),
        ({"words": ["spaces"]}, "words must be one of 'pretokenizer', 'spaces'"),
        ({"bits": 2}, "bits must be True or False, got 2"),
        ({"truncation": "right"}, "truncation must be None or 'window', got 'right'"),
    ],
)
def test_a_wrong_argument_is_refused(native, arguments, message):
    with pytest.raises(InputError, match=message):
        native.score("the cat", **arguments)
    with pytest.raises(InputError, match=message):
        native.score_many(["the cat"], **arguments)


# Rows


@pytest.mark.parametrize(("method", "rows"), [("original", 5), ("word_l2r", 5), ("whole_word", 4)])
def test_there_is_one_row_for_each_token_or_word_and_all_have_one_length(native, method, rows):
    reads = next(SCORE.task(native.model, "the dogs sat.", Parameters(method=method)))
    assert len(reads) == rows
    assert {read.input_ids.size for read in reads} == {7}
    assert sum(read.positions.size for read in reads) == 5


def test_readings_are_equal_where_they_give_the_same():
    assert LogProbs((1, 2)) == LogProbs((1, 2)) != LogProbs((2, 1))
    assert len({LogProbs((1,)), LogProbs((1,)), LogProbs((2,))}) == 2


def test_a_reading_takes_one_token_for_each_position():
    logits = np.random.default_rng(0).standard_normal((2, 9)).astype(np.float32)
    expected = [row.astype(np.float64) - np.log(np.exp(row.astype(np.float64)).sum()) for row in logits]
    np.testing.assert_allclose(LogProbs((3, 5))(logits.copy()), [expected[0][3], expected[1][5]], atol=1e-6)


# Many texts


def sentences(count):
    words = ["the", "cat", "dogs", "sat", "singing", "on", "a", "mat", "london", "?"]
    draw = random.Random(0)
    return [" ".join(draw.choices(words, k=draw.randint(1, 12))) for _ in range(count)]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("batch_size", "workers"), [(1, 2), (4, 1), (16, 2), (64, 3)])
def test_many_texts_give_the_same_numbers_as_each_alone(native, method, batch_size, workers):
    texts = sentences(60)
    arguments = {"method": method, "truncation": "window"}
    alone = [native.score(text, **arguments) for text in texts]
    assert [*native.score_many(texts, **arguments, batch_size=batch_size, workers=workers)] == alone


@pytest.mark.parametrize("family", ["wordpiece", "bytelevel", "unigram"])
def test_neither_batch_nor_workers_change_a_bit_in_any_tokenizer_family(family):
    texts = [" ".join(["The keys to the cabinet are here."] * times) for times in (1, 3, 2)] + ["the", "cat", "keys."]
    model = golden(family)
    alone = [model.score(text) for text in texts]
    for batch_size, workers in ((1, 1), (1, 2), (8, 2)):
        assert [*model.score_many(texts, batch_size=batch_size, workers=workers)] == alone
    assert [*model.score_many(texts[::-1], batch_size=8)] == alone[::-1]


def test_the_bits_of_the_embedded_int8_model_do_not_depend_on_company():
    model = FillMask(threads=1)
    texts = [*sentences(20), "the", "cat", "keys"]
    for method in ("word_l2r", "whole_word"):
        alone = [model.score(text, method=method) for text in texts]
        assert [*model.score_many(texts, method=method, batch_size=8, workers=2)] == alone


def test_a_bad_text_is_a_value_and_the_others_are_scored(native):
    first, second, third = native.score_many(["the", "", "cat"])
    assert isinstance(second, TextError)
    assert not isinstance(second, NoMaskError)
    assert (first, third) == (native.score("the"), native.score("cat"))


def test_a_string_is_not_many_texts(native):
    with pytest.raises(TextError, match="texts must be an iterable of strings"):
        native.score_many("the cat")


def test_a_score_is_hashable_frozen_and_pickles(native):
    score = native.score("the cat")
    assert pickle.loads(pickle.dumps(score)) == score
    assert hash(score) == hash(native.score("the cat"))
    with pytest.raises(AttributeError):
        score.log_prob = 0.0


def test_tokens_of_a_word_that_are_further_apart_than_a_window_are_each_read(fill_mask):
    """Masks between them are no tokens to score."""
    score = fill_mask.score("c" + "[MASK]" * 40 + "s", words="spaces", method="whole_word", truncation="window")
    assert [token.text for token in score.tokens] == ["c", "s"]
    assert math.isfinite(score.log_prob)
