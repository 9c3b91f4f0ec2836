"""Predictions in the shapes of transformers."""

from dataclasses import asdict

from fillmask.tasks.predict import Prediction
from fillmask.transformers_shape import as_transformers


def test_a_text_with_one_mask_has_no_outer_list_in_transformers_shape():
    first, second = Prediction(0.5, 1, "a", "a b"), Prediction(0.25, 2, "c", "c b")
    assert as_transformers([[first, second]]) == [asdict(first), asdict(second)]
    assert as_transformers([[first], [second]]) == [[asdict(first)], [asdict(second)]]
    assert [list(each) for each in as_transformers([[first]])] == [["score", "token", "token_str", "sequence"]]
    assert as_transformers([[]]) == []
    assert as_transformers([[], []]) == [[], []]
