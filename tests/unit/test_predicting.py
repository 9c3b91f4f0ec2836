"""Which task ``predict`` starts."""

import pytest

from fillmask.errors import TargetsError, TargetWarning
from fillmask.predicting import is_per_mask, starter

PLAIN = {"top_k": 5, "targets": None, "truncation": None, "strict_targets": False, "words": False, "filled": False}


@pytest.mark.parametrize(
    ("options", "module"),
    [
        ({}, "fillmask.tasks.predict"),
        ({"targets": ["cat"], "strict_targets": True}, "fillmask.tasks.predict"),
        ({"words": True}, "fillmask.tasks.filled"),
        ({"filled": True}, "fillmask.tasks.filled"),
        ({"slots": [(0, 1)]}, "fillmask.tasks.filled"),
        ({"targets": [["cat"]]}, "fillmask.tasks.filled"),
    ],
)
def test_the_plain_task_runs_unless_an_option_is_given(native, options, module):
    task = starter(native.model, **{**PLAIN, **options})("a [MASK]")
    assert task.gi_code.co_filename.endswith(module.replace(".", "/") + ".py")


def test_replaced_targets_are_warned_of_once(native):
    for targets in (["cats"], [["cats"]]):
        with pytest.warns(TargetWarning) as warned:
            starter(native.model, **{**PLAIN, "targets": targets})
        assert len(warned) == 1


def test_wrong_arguments_are_refused_before_a_text_is_read(native):
    with pytest.raises(TargetsError):
        starter(native.model, **{**PLAIN, "targets": [[]]})


def test_lists_for_each_mask_are_told_from_a_list_of_words():
    assert is_per_mask([["a"], ["b"]])
    assert not any(map(is_per_mask, (None, "ab", ["a", "b"], [], 3)))
