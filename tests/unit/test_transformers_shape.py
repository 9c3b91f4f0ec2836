"""Predictions in the shapes of transformers."""

from dataclasses import asdict

import pytest

from fillmask import TargetsError
from fillmask.tasks.predict import Prediction
from fillmask.transformers_shape import as_transformers


def test_a_text_with_one_mask_has_no_outer_list_in_transformers_shape():
    first, second = Prediction(0.5, 1, "a", "a b"), Prediction(0.25, 2, "c", "c b")
    assert as_transformers([[first, second]]) == [asdict(first), asdict(second)]
    assert as_transformers([[first], [second]]) == [[asdict(first)], [asdict(second)]]
    assert [list(each) for each in as_transformers([[first]])] == [["score", "token", "token_str", "sequence"]]
    assert as_transformers([[]]) == []
    assert as_transformers([[], []]) == [[], []]


def test_a_list_of_targets_for_each_mask_is_refused_with_the_method_that_takes_it(native):
    text, targets = "[MASK] the [MASK]", [["cat"], ["dog"]]
    with pytest.raises(TargetsError, match="predict takes a list for each mask"):
        native(text, targets=targets)
    assert [mask[0].token_str for mask in native.predict(text, targets=targets)] == ["cat", "dog"]
