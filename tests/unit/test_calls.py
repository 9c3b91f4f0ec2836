import warnings

import pytest

from fillmask.calls import resolved, run, run_many
from fillmask.errors import InputError, TextError
from fillmask.notices import Notice
from fillmask.tasks import Result

NOTICE = Notice(UserWarning, "replaced")


def task(value, *, notices=(), error=None):
    """A task without reads."""
    if error is not None:
        raise error
    return Result(value, notices)
    yield


def test_parameters_are_resolved_with_a_warning():
    with pytest.warns(UserWarning, match="replaced"):
        assert resolved(lambda: Result(3, (NOTICE,))) == 3


def test_an_error_of_parameters_comes_after_the_warnings_before_it():
    error = InputError("wrong")
    error.notices = (NOTICE,)

    def resolve():
        raise error

    with pytest.warns(UserWarning, match="replaced"), pytest.raises(InputError, match="wrong"):
        resolved(resolve)


def test_a_task_gives_its_value_and_warns(native):
    assert run(native.model, task(3)) == 3
    with pytest.warns(UserWarning, match="replaced"):
        assert run(native.model, task(3, notices=(NOTICE,))) == 3


def test_many_tasks_give_values_and_errors_in_order_and_warn_when_they_are_read(native):
    bad = TextError("bad")
    tasks = [task(1), task(2, error=bad), task(3, notices=(NOTICE,))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = run_many(native.model, tasks, None, 1)
        assert [next(values), next(values)] == [1, bad]
    with pytest.warns(UserWarning, match="replaced"):
        assert next(values) == 3
