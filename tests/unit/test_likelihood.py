"""FillMask's verbs of likelihood: they run the tasks, lazily where there are many texts."""

import subprocess
import sys

import pytest

from fillmask import InputError, TextError
from fillmask.executor import run_task
from fillmask.tasks.marginals import MARGINALS
from fillmask.tasks.score import SCORE

TEXTS = ["the cat sat", "a dog", "the dogs sat, singing?"]


def by_task(verb, model, text, **arguments):
    return run_task(model, verb.task(model, text, verb.resolve(model, **arguments).value)).value


@pytest.mark.parametrize("arguments", [{}, {"method": "original"}, {"bits": True, "words": "spaces"}])
def test_a_score_is_that_of_the_task(fill_mask, arguments):
    expected = [by_task(SCORE, fill_mask.model, text, **arguments) for text in TEXTS]
    assert [fill_mask.score(text, **arguments) for text in TEXTS] == expected
    assert list(fill_mask.score_many(TEXTS, **arguments, workers=2)) == expected


def test_marginals_are_those_of_the_task(native):
    found, expected = native.marginals("the cat"), by_task(MARGINALS, native.model, "the cat")
    assert (found.log_probs == expected.log_probs).all()


@pytest.mark.parametrize("options", [{}, {"batch_size": 16}, {"batch_size": 4, "workers": 2}])
@pytest.mark.parametrize("arguments", [{}, {"alphabet": ["cat", "dog"], "masked": False}])
def test_many_marginals_are_those_of_each_text(fill_mask, arguments, options):
    read = []
    found = fill_mask.marginals_many((read.append(text) or text for text in [*TEXTS, ""]), **arguments, **options)
    assert read == []
    *found, error = found
    assert isinstance(error, TextError)
    for text, each in zip(TEXTS, found, strict=True):
        alone = fill_mask.marginals(text, **arguments)
        assert (each.tokens, each.alphabet) == (alone.tokens, alone.alphabet)
        assert (each.log_probs == alone.log_probs).all()


def test_a_wrong_argument_of_many_marginals_is_refused_at_the_call(native):
    with pytest.raises(InputError, match="masked must be True or False"):
        native.marginals_many(TEXTS, masked=1)


def test_many_scores_are_lazy_and_a_bad_text_is_a_value(native):
    read = []
    scores = native.score_many(read.append(text) or text for text in [TEXTS[0], "", TEXTS[1]])
    assert read == []
    first, error, last = scores
    assert (first, last) == (native.score(TEXTS[0]), native.score(TEXTS[1]))
    assert isinstance(error, InputError)


def test_one_text_is_not_many(native):
    with pytest.raises(TextError, match="texts must be an iterable of strings, got str"):
        native.score_many("the cat")


def test_their_tasks_are_not_imported_before_the_first_call():
    script = "import sys; from fillmask import FillMask; print('fillmask.tasks.score' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
    )
