"""``FillMask.infill`` and ``infill_many``."""

import inspect

import pytest

from fillmask import Infill, InputError, NoMaskError, Results
from fillmask.infilling import Infilling
from fillmask.tasks.infill import DEFAULT_WIDTH

TEXTS = ["the [MASK] sat on the [MASK].", "no mask", "a {mask}", "[MASK][MASK]"]


def test_many_texts_are_filled_in_order_and_errors_are_values(fill_mask):
    found = list(fill_mask.infill_many(TEXTS, top_k=2))
    assert [type(each) for each in found] == [Results, NoMaskError, Results, Results]
    assert found[0] == fill_mask.infill(TEXTS[0], top_k=2)
    assert all(isinstance(each, Infill) for each in found[3])


@pytest.mark.parametrize("options", [{"batch_size": 3}, {"workers": 2}, {"batch_size": 2, "workers": 2}])
def test_results_do_not_depend_on_what_runs_together(fill_mask, options):
    expected = list(map(repr, fill_mask.infill_many(TEXTS, pieces=(1, 2))))
    assert list(map(repr, fill_mask.infill_many(TEXTS, pieces=(1, 2), **options))) == expected


def test_arguments_are_checked_before_a_text_is_read(native):
    with pytest.raises(InputError, match="width"):
        native.infill_many(iter(TEXTS), width=0)
    with pytest.raises(InputError, match="texts must be an iterable of strings"):
        native.infill_many("a [MASK]")


def test_both_methods_have_the_same_defaults():
    one, many = (inspect.signature(method).parameters for method in (Infilling.infill, Infilling.infill_many))
    shared = one.keys() & many.keys() - {"self"}
    assert {name: one[name].default for name in shared} == {name: many[name].default for name in shared}
    assert one["width"].default == DEFAULT_WIDTH
