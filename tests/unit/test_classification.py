"""The verbs of ``FillMask`` that label texts."""

import pytest

from fillmask import Label, Prior, TextError

TEMPLATE = "{text} is a [MASK]"


def test_classify_gives_every_label_once_best_first(fill_mask):
    found = fill_mask.classify("the cat", ["red", "dogs"], TEMPLATE)
    assert all(isinstance(each, Label) for each in found)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert sum(each.score for each in found) == pytest.approx(1)


def test_a_prior_from_json_is_the_prior(fill_mask):
    prior = fill_mask.fit_prior(labels=["red", "dogs"], template=TEMPLATE)
    again = Prior.from_json(prior.to_json())
    assert fill_mask.classify("the cat", ["red", "dogs"], TEMPLATE, prior=again) == fill_mask.classify(
        "the cat", ["red", "dogs"], TEMPLATE, prior=prior
    )


def test_many_texts(fill_mask):
    found = list(fill_mask.classify_many(["the cat", 3, "a"], ["red", "dogs"], TEMPLATE))
    assert found[0] == fill_mask.classify("the cat", ["red", "dogs"], TEMPLATE)
    assert isinstance(found[1], TextError)
    for call in (
        fill_mask.classify_many,
        lambda texts, labels, template: fill_mask.fit_prior(texts, labels=labels, template=template),
    ):
        with pytest.raises(TextError, match="texts must be an iterable of strings"):
            call("the cat", ["red"], TEMPLATE)
