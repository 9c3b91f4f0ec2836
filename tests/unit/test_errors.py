import pickle

import pytest

from fillmask import errors
from fillmask.notices import Notice

ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
RAISED = [kind for kind in ERRORS if not issubclass(kind, Warning)]


def test_there_is_one_base_for_everything_raised():
    assert all(issubclass(kind, errors.FillMaskError) for kind in RAISED)


@pytest.mark.parametrize("kind", [errors.InputError, errors.ArtifactError])
def test_an_error_about_input_is_also_a_value_error(kind):
    assert issubclass(kind, ValueError)


@pytest.mark.parametrize("kind", [errors.ProviderError, errors.ForkError])
def test_an_error_about_the_machine_is_not_about_input(kind):
    assert not issubclass(kind, (errors.InputError, ValueError))


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_is_described_and_survives_pickling(kind):
    copy = pickle.loads(pickle.dumps(kind("what was got, what is allowed")))
    assert kind.__doc__
    assert (type(copy), str(copy)) == (kind, "what was got, what is allowed")


@pytest.mark.parametrize("kind", [errors.TargetWarning, errors.TruncationWarning])
def test_a_warning_is_a_user_warning(kind):
    assert issubclass(kind, UserWarning)


def test_the_way_of_catching_shown_in_the_docstring_works(fill_mask):
    reported = []
    for text in ("no mask", "[MASK]\0"):
        try:
            fill_mask.predict(text)
        except errors.InputError as error:
            reported.append(f"no predictions for {text!r}: {error}")
    assert len(reported) == 2


def test_an_error_of_a_call_keeps_its_notices_when_pickled():
    error = errors.TopKError("what was got, what is allowed")
    assert error.notices == ()
    error.notices = (Notice(errors.TargetWarning, "replaced"),)
    assert pickle.loads(pickle.dumps(error)).notices == error.notices


@pytest.mark.parametrize(
    ("message", "first", "one"),
    [("a\n b\n", "a", "a b"), ("", "ValueError", "ValueError"), ("\n a", "a", "a"), ("a", "a", "a")],
)
def test_an_error_of_another_library_becomes_a_line(message, first, one):
    assert (errors.first_line(ValueError(message)), errors.one_line(ValueError(message))) == (first, one)
