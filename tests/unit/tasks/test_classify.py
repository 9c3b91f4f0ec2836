"""The verb ``classify`` beside numpy, ``rank`` and ``predict``, and the laws that its scores obey."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from fillmask import InputError, Label, TooLongError
from fillmask.candidates import Candidates
from fillmask.model import Model
from fillmask.tasks.classify import CLASSIFY, check_labels
from fillmask.tasks.prior import Prior
from tests.support.goldens import FAMILIES, golden

TEMPLATE = "{text} is a [MASK]."
TEMPLATES = [TEMPLATE, "a [MASK] {text}"]
LABELS = {"animal": ["cat", "dogs"], "place": ["city", "london"], "color": ["red"]}
TEXT = "the mat"


def scores(labels):
    return {each.label: each.score for each in labels}


def uniform(prior, value=-3.0):
    """The prior with the same number for every word."""
    return Prior(tuple(dict.fromkeys(words, value) for words in prior.words), *rest(prior))


def rest(prior):
    return prior.templates, prior.method, prior.normalize, prior.texts, prior.model


def same(got, expected, **within):
    got, expected = scores(got), scores(expected)
    assert got.keys() == expected.keys()
    np.testing.assert_allclose(
        [got[label] for label in expected], list(expected.values()), **(within or {"rtol": 1e-12})
    )


# The formula


@pytest.mark.parametrize("aggregate", ["logsumexp", "mean", "max"])
@pytest.mark.parametrize("normalize", [None, "pieces"])
def test_scores_are_those_of_the_formula(fill_mask, aggregate, normalize):
    prior = fill_mask.fit_prior(["a cat", "in london"], labels=LABELS, template=TEMPLATES, normalize=normalize)
    words = [word for each in LABELS.values() for word in each]

    def read(template, text):
        (ranked,) = fill_mask.rank(template.replace("{text}", text), words)
        return {each.text: each.log_prob / (each.pieces if normalize else 1) for each in ranked}

    add = {"logsumexp": lambda each: np.log(np.exp(each).sum()), "mean": np.mean, "max": np.max}[aggregate]
    z = []
    for template in TEMPLATES:
        own = read(template, TEXT)
        before = {
            word: np.log(np.mean([np.exp(read(template, text)[word]) for text in ("a cat", "in london")]))
            for word in words
        }
        z.append([add(np.array([own[word] - before[word] for word in each])) for each in LABELS.values()])
    values = np.exp(np.mean(z, axis=0) / 2)
    found = fill_mask.classify(
        TEXT, LABELS, TEMPLATES, prior=prior, temperature=2, aggregate=aggregate, normalize=normalize
    )
    expected = dict(zip(LABELS, values / values.sum(), strict=True))
    assert [each.label for each in found] == sorted(expected, key=expected.__getitem__, reverse=True)
    np.testing.assert_allclose([scores(found)[label] for label in LABELS], list(expected.values()), rtol=1e-4)
    assert {each.prior for each in found} == {prior.sha256}


@pytest.mark.parametrize("family", FAMILIES)
def test_labels_of_one_word_have_the_softmax_of_predict(family):
    model = golden(family)
    mask = model.mask_token
    names = {"bytelevel": "Ġthe Ġa Ġun", "unigram": "▁the ▁a ▁un"}.get(family, "the a un").split()
    if any(model.tokenizer.tokenizer.token_to_id(name) is None for name in names):
        pytest.skip("not three words of one token")
    words = [name.lstrip("Ġ▁") for name in names]
    found = model.classify("the cat", words, "{text} is " + mask)
    (predicted,) = model.predict(f"the cat is {mask}", targets=names)
    total = sum(each.score for each in predicted)
    np.testing.assert_allclose([each.score for each in found], [each.score / total for each in predicted], rtol=1e-4)
    assert found[0].log_prob == pytest.approx(math.log(predicted[0].score), abs=1e-4)
    assert found[0].prior is None


def test_with_several_labels_at_a_time_each_is_beside_its_own_prior(fill_mask):
    labels = ["cat", "red", "dogs"]
    prior = fill_mask.fit_prior(labels=labels, template=TEMPLATE)
    found = fill_mask.classify(TEXT, labels, TEMPLATE, prior=prior, multi_label=True)
    for each in found:
        p, p0 = math.exp(each.log_prob), math.exp(prior.words[0][each.label])
        assert each.score == pytest.approx(p / (p + p0), rel=1e-6)
    alone = {label: fill_mask.fit_prior(labels=[label], template=TEMPLATE) for label in labels}
    for each in found:
        (only,) = fill_mask.classify(TEXT, [each.label], TEMPLATE, prior=alone[each.label], multi_label=True)
        assert only.score == pytest.approx(each.score, rel=1e-5)
    with pytest.raises(InputError, match="multi_label needs a prior"):
        fill_mask.classify(TEXT, labels, TEMPLATE, multi_label=True)


# Laws


@pytest.mark.parametrize("template", [TEMPLATE, TEMPLATES])
def test_a_uniform_prior_changes_nothing(native, template):
    prior = native.fit_prior(labels=LABELS, template=template)
    same(native.classify(TEXT, LABELS, template, prior=uniform(prior)), native.classify(TEXT, LABELS, template))


@pytest.mark.parametrize("aggregate", ["logsumexp", "mean", "max"])
def test_the_text_of_a_prior_has_even_scores_under_it(fill_mask, aggregate):
    labels = {"animal": ["cat", "dogs"], "place": ["city", "london"]}
    prior = fill_mask.fit_prior(["N/A"], labels=labels, template=TEMPLATES)
    for each in fill_mask.classify("N/A", labels, TEMPLATES, prior=prior, aggregate=aggregate):
        assert each.score == pytest.approx(0.5, abs=1e-6)


def test_a_temperature_changes_scores_and_not_their_order(native):
    cold, plain, hot = (native.classify(TEXT, LABELS, TEMPLATE, temperature=value) for value in (0.1, 1, 1e9))
    assert [each.label for each in cold] == [each.label for each in plain]
    np.testing.assert_allclose([each.score for each in hot], 1 / 3, atol=1e-6)
    assert cold[0].score > plain[0].score > hot[0].score


def test_the_order_of_labels_and_words_does_not_matter(native):
    expected = native.classify(TEXT, LABELS, TEMPLATE)
    for seed in range(5):
        items = [(label, random.Random(seed).sample(words, len(words))) for label, words in LABELS.items()]
        shuffled = dict(random.Random(seed).sample(items, len(items)))
        same(native.classify(TEXT, shuffled, TEMPLATE), expected)


def test_duplicate_words_count_once(native):
    twice = {"animal": ["cat", "Dogs", "dogs", "cat"], "place": ["city", "london"], "color": ["red"]}
    same(native.classify(TEXT, twice, TEMPLATE), native.classify(TEXT, LABELS, TEMPLATE))


def test_labels_may_share_a_word(native):
    first, second = native.classify(TEXT, {"one": ["cat"], "two": ["Cat"]}, TEMPLATE)
    assert first.score == second.score == 0.5


def test_neither_batches_nor_workers_matter(fill_mask):
    texts = [TEXT, "a\0", "in london", "cat " * 30] * 2
    expected = [fill_mask.classify(text, LABELS, TEMPLATES) for text in (TEXT, "in london")]
    for batch_size, workers in ((1, 1), (8, 2)):
        found = list(fill_mask.classify_many(texts, LABELS, TEMPLATES, batch_size=batch_size, workers=workers))
        assert [found[0], found[2], found[4], found[6]] == expected * 2
        assert all(isinstance(found[index], InputError) for index in (1, 3, 5, 7))


# The text


def test_nothing_in_a_text_is_a_field_or_a_slot(native):
    for text in ("{mask}", "{text}", "[MASK] cat"):
        found = native.classify(text, LABELS, "a [MASK]: {text}")
        assert math.fsum(each.score for each in found) == pytest.approx(1)


def test_only_the_text_is_cut(fill_mask):
    with pytest.raises(TooLongError, match=r"the text has \d+ tokens in its template .* truncation 'right'"):
        fill_mask.classify("cat " * 20, LABELS, TEMPLATE)
    cut = fill_mask.classify("cat " * 20, LABELS, TEMPLATE, truncation="right")
    most = max(each.pieces for each in fill_mask.rank("[MASK]", [word for each in LABELS.values() for word in each])[0])
    kept = fill_mask.max_length - 2 - 3 - most  # [CLS] and [SEP]; is, a and the full stop
    same(cut, fill_mask.classify("cat " * kept, LABELS, TEMPLATE))
    with pytest.raises(TooLongError, match="the template alone"):
        fill_mask.classify("cat", LABELS, "dog " * 20 + TEMPLATE, truncation="right")


# Arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": []}, "labels must have at least one label"),
        ({"labels": "cat"}, "labels must be a list of strings or a mapping"),
        ({"labels": ["cat", "cat"]}, "labels must be distinct"),
        ({"labels": {"a": []}}, r"at least one word, got 'a': \(\)"),
        ({"labels": {"a": "cat"}}, "at least one word"),
        ({"labels": ["日"]}, "not in the vocabulary"),
        ({"template": "{text}"}, r"a template has one \{text\} and one mask"),
        ({"template": []}, "template must be a string or a list of strings"),
        ({"template": 3}, "template must be a string or a list of strings"),
        ({"temperature": 0}, "temperature must be a number above 0"),
        ({"temperature": True}, "temperature must be a number above 0"),
        ({"temperature": math.inf}, "temperature must be a number above 0"),
        ({"aggregate": "sum"}, "aggregate must be one of"),
        ({"multi_label": 1}, "multi_label must be True or False"),
        ({"normalize": "characters"}, "normalize must be None or 'pieces'"),
        ({"truncation": "window"}, "truncation must be None or 'right'"),
        ({"prior": "x"}, "prior must be what fit_prior or --fit-prior gives"),
    ],
)
def test_wrong_arguments_are_refused(native, arguments, message):
    with pytest.raises(InputError, match=message):
        native.classify(TEXT, **{"labels": LABELS, "template": TEMPLATE, **arguments})
    with pytest.raises(InputError, match=message):
        native.classify_many([TEXT], **{"labels": LABELS, "template": TEMPLATE, **arguments})


def test_a_prior_of_something_else_is_refused(native):
    prior = native.fit_prior(labels=["cat"], template=TEMPLATE)
    for arguments, message in (
        ({"labels": ["red"]}, "the prior has no word 'red'"),
        ({"template": "a [MASK] {text}"}, "the prior was fitted with templates"),
        ({"method": "parallel"}, "the prior was fitted with method 'l2r', not with 'parallel'"),
        ({"normalize": "pieces"}, "the prior was fitted with normalize None"),
    ):
        with pytest.raises(InputError, match=message):
            native.classify(TEXT, **{"labels": ["cat"], "template": TEMPLATE, "prior": prior, **arguments})
    other = Prior(prior.words, *rest(prior)[:-1], {"variant": "int8", "sha256": None})
    with pytest.raises(InputError, match="the prior was fitted with model"):
        native.classify(TEXT, ["cat"], TEMPLATE, prior=other)


def test_labels_without_words_are_their_own():
    assert check_labels(["red cat"]) == {"red cat": ("red cat",)}
    assert check_labels({"a": ["b", "c"]}) == {"a": ("b", "c")}


def test_the_default_template(native):
    found = native.classify(TEXT, ["cat", "dogs"], "{text} a {mask}")
    assert all(isinstance(each, Label) for each in found)
    with pytest.raises(TooLongError):  # in letters it is too long for the toy model
        native.classify(TEXT, ["cat"])
    assert CLASSIFY.name == "classify"


@pytest.mark.parametrize("temperature", [10**400, float("inf"), float("nan"), -1])
def test_a_temperature_that_no_number_divides_by_is_refused(native, temperature):
    with pytest.raises(InputError, match="temperature must be a number above 0"):
        native.classify(TEXT, LABELS, TEMPLATE, temperature=temperature)


@pytest.mark.parametrize("temperature", [1e-3, 1e-7, 1e-300, 1e300])
@pytest.mark.parametrize("multi_label", [False, True])
def test_a_temperature_changes_no_decision(fill_mask, temperature, multi_label):
    labels = ["cat", "red", "dogs", "london", "a"]
    prior = fill_mask.fit_prior(labels=labels, template=TEMPLATES[1])
    for each in ({}, {"prior": prior}) if not multi_label else ({"prior": prior, "multi_label": True},):
        warm = fill_mask.classify(TEXT, labels, TEMPLATES[1], **each)
        cold = fill_mask.classify(TEXT, labels, TEMPLATES[1], **each, temperature=temperature)
        assert [label.label for label in cold] == [label.label for label in warm]
        assert [label.log_prob for label in cold] == [label.log_prob for label in warm]


def test_a_temperature_that_makes_infinite_numbers_is_refused(native):
    with pytest.raises(InputError, match="temperature 5e-324 is too small: a log probability divided by it"):
        native.classify(TEXT, LABELS, TEMPLATE, temperature=5e-324)


@pytest.mark.parametrize("start", ["", "x "])
def test_a_text_is_cut_for_the_pieces_that_its_slot_takes(start, monkeypatch):
    """At the beginning of a text, a word of this vocabulary has no mark, and more pieces than behind a space."""
    model = golden("bytelevel")
    vocabulary = model.tokenizer.tokenizer.get_vocab()
    words = [token[1:] for token in vocabulary if token[:1] == "Ġ" and token[1:].isascii() and token[1:].isalpha()]
    pieces = {word: Candidates(model.model, [word]) for word in words}
    word = max(words, key=lambda each: len(pieces[each].of(marked=False)[0].ids))
    rows, logits = [], Model.logits
    monkeypatch.setattr(Model, "logits", lambda self, reads: rows.extend(reads) or logits(self, reads))
    labels = model.classify("word " * 900, [word], start + "<mask> {text}", truncation="right")
    assert labels[0].label == word
    wanted = pieces[word].of(marked=bool(start))[0].ids
    assert (len(wanted) > 1) == (not start)
    assert model.model.max_length - 3 <= max(row.input_ids.size for row in rows) <= model.model.max_length
    parameters = CLASSIFY.resolve(model.model, labels=[word], template=start + "<mask> {text}").value
    assert len(rows) == len(wanted) <= parameters.rows("word")
