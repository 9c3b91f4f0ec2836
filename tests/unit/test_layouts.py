"""Rows with some number of masks at each slot of a text."""

import pytest

from fillmask.errors import InputError, TooLongError
from fillmask.layouts import make_layouts
from fillmask.pieces import Pieces
from fillmask.slots import read_slots
from tests.support.goldens import FAMILIES, golden

LONG = "the cat sat on the mat . "


def layouts(model, text, sizes, *, words=False, truncation=None):
    slotted = read_slots(model, text)
    return list(make_layouts(model, slotted, sizes, words=words, truncation=truncation))


def names(model, layout):
    return [model.tokenizer.tokenizer.id_to_token(token) for token in layout.input_ids.tolist()]


def test_each_slot_has_its_number_of_masks(native):
    one, other = layouts(native.model, "the [MASK] sat [MASK].", [(1, 1), (2, 3)])
    assert names(native.model, one) == ["[CLS]", "the", "[MASK]", "sat", "[MASK]", ".", "[SEP]"]
    assert names(native.model, other) == [
        "[CLS]", "the", "[MASK]", "[MASK]", "sat", "[MASK]", "[MASK]", "[MASK]", ".", "[SEP]",
    ]  # fmt: skip
    assert (one.places, one.slots) == ((2, 4), (range(1), range(1, 2)))
    assert (other.places, other.slots) == ((2, 3, 5, 6, 7), (range(2), range(2, 5)))


def test_glued_masks_are_one_slot(native):
    (layout,) = layouts(native.model, "the [MASK][MASK] sat", [(2,)])
    assert (layout.places, layout.slots) == ((2, 3), (range(2),))


def test_a_mask_that_is_no_slot_stays(native):
    slotted = read_slots(native.model, "the [MASK] cat", [(11, 14)])
    (layout,) = make_layouts(native.model, slotted, [(2,)], words=False, truncation=None)
    assert names(native.model, layout) == ["[CLS]", "the", "[MASK]", "[MASK]", "[MASK]", "[SEP]"]
    assert layout.places == (3, 4)


@pytest.mark.parametrize("family", FAMILIES)
def test_words_begin_at_the_first_place_and_go_on_at_the_others(family):
    model = golden(family).model
    (layout,) = layouts(model, f"the {model.tokenizer.mask_token} sat", [(3,)], words=True)
    marked = model.pieces.boundary.begins
    assert layout.allowed[0] == model.pieces.words(marked=marked)
    assert layout.allowed[1] == layout.allowed[2] == model.pieces.words(marked=not marked)


def test_without_words_every_token_is_allowed(native):
    (layout,) = layouts(native.model, "the [MASK]", [(2,)])
    assert layout.allowed == (None, None)


def test_a_vocabulary_without_such_pieces_is_refused(native, monkeypatch):
    monkeypatch.setattr(Pieces, "words", lambda *_, **__: b"")
    with pytest.raises(
        InputError, match=r"no token of the vocabulary makes a word at a slot; allow every token .*--any-token"
    ):
        layouts(native.model, "the [MASK]", [(1,)], words=True)


def test_a_text_is_too_long_by_its_largest_layout(native):
    text = "the [MASK] " + "cat " * 12
    assert layouts(native.model, text, [(1,)])
    with pytest.raises(TooLongError, match=r"17 tokens with its slots filled, and the model takes at most 16"):
        layouts(native.model, text, [(1,), (2,)])


def test_all_layouts_of_a_long_text_have_the_same_surroundings(native):
    one, three = layouts(native.model, LONG * 3 + "[MASK] " + LONG * 2, [(1,), (3,)], truncation="window")
    assert three.input_ids.size == 16
    assert one.input_ids.size == 14
    assert [name for name in names(native.model, one) if name != "[MASK]"] == [
        name for name in names(native.model, three) if name != "[MASK]"
    ]


def test_slots_that_no_row_holds_are_refused(native):
    with pytest.raises(TooLongError, match="the slots span"):
        layouts(native.model, "[MASK] " + LONG * 3 + "[MASK]", [(1, 1)], truncation="window")
