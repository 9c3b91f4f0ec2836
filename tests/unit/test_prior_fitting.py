"""How a prior is fitted."""

import math
import threading

import pytest

from fillmask import InputError

TEMPLATE = "{text} is a [MASK]"


def test_a_prior_is_the_mean_over_its_texts(fill_mask):
    prior = fill_mask.fit_prior(["a cat", "in london"], labels=["dogs", "red"], template=TEMPLATE)
    assert prior.texts == 2
    for word in ("dogs", "red"):
        each = [
            fill_mask.rank(TEMPLATE.replace("{text}", text), [word])[0][0].log_prob for text in ("a cat", "in london")
        ]
        assert prior.words[0][word] == pytest.approx(math.log(sum(map(math.exp, each)) / 2), abs=1e-6)


def test_without_texts_it_is_of_texts_without_content(fill_mask):
    assert fill_mask.fit_prior(labels=["red"], template=TEMPLATE) == fill_mask.fit_prior(
        ["N/A", ""], labels=["red"], template=TEMPLATE
    )


def test_batches_and_workers_do_not_matter(fill_mask):
    texts = ["a cat", "in london", ""] * 4
    first = fill_mask.fit_prior(texts, labels=["red"], template=TEMPLATE)
    assert fill_mask.fit_prior(texts, labels=["red"], template=TEMPLATE, batch_size=4, workers=2) == first


def test_a_bad_text_or_none_is_an_error(fill_mask):
    with pytest.raises(InputError, match=r"texts\[1\]: the text holds NUL"):
        fill_mask.fit_prior(["a", "b\0"], labels=["red"], template=TEMPLATE)
    with pytest.raises(InputError, match="a prior needs at least one text"):
        fill_mask.fit_prior([], labels=["red"], template=TEMPLATE)


def test_an_error_ends_the_threads_also_while_it_is_kept(fill_mask):
    with pytest.raises(InputError, match="NUL") as kept:
        fill_mask.fit_prior(["b\0", *"abcd" * 20], labels=["red"], template=TEMPLATE, batch_size=2, workers=2)
    assert kept.value.__traceback__
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fillmask")]
