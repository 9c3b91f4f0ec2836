"""The verbs of ``FillMask`` that compare candidates."""

import pytest

from fillmask import InputError, NoMaskError, Ranked, TextError


def test_rank_gives_a_list_for_each_slot(fill_mask):
    first, second = fill_mask.rank("the [MASK] sat on the [MASK]", ["cat", "dogs"])
    assert {each.text for each in first} == {each.text for each in second} == {"cat", "dogs"}
    assert all(isinstance(each, Ranked) for each in [*first, *second])


def test_rank_many_is_lazy_ordered_and_keeps_errors_in_place(fill_mask):
    def texts():
        yield "a [MASK]"
        yield "none"
        yield "a [MASK]"
        raise RuntimeError("read too far")

    results = fill_mask.rank_many(texts(), ["cat", "dogs"])
    found = [next(results) for _ in range(3)]
    assert found[0] == found[2] == fill_mask.rank("a [MASK]", ["cat", "dogs"])
    assert isinstance(found[1], NoMaskError)


def test_arguments_are_checked_at_the_call(native):
    with pytest.raises(TextError, match="texts must be an iterable of strings"):
        native.rank_many("a [MASK]", ["cat"])
    with pytest.raises(InputError, match="candidates"):
        native.rank_many(["a [MASK]"], [])
