"""Where the slots of a text are: in the caller's own text, whatever the tokenizer's offsets say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillmask.errors import InputError, NoMaskError, TextError
from fillmask.slots import Slot, check_slots, read_slots
from fillmask.spans import Span
from tests.support.goldens import FAMILIES, golden
from tests.support.toys import PROPERTY

PARTS = ["the", "un", " ", "  ", "\r\n", "(", ")", "e\u0301", "👩‍👩‍👧", "שלום", "مرحبا", "我喜欢猫", "สวัสดี", "{", "[MA"]


@pytest.fixture
def model(fill_mask):
    return fill_mask.model


def spans(text, model, slots=None):
    return [(slot.start, slot.end) for slot in read_slots(model, text, slots).slots]


def test_a_slot_has_the_span_of_its_mask(model):
    text = "the [MASK] is on the [MASK]."
    slotted = read_slots(model, text)
    assert slotted.slots == [Slot(4, 10, range(1)), Slot(21, 27, range(1, 2))]
    assert slotted.masks == [Span(4, 10), Span(21, 27)]
    assert slotted.before(1) == "the [MASK] is on the "
    assert (slotted.ids == model.tokenizer.mask_token_id).sum() == 2


def test_a_mask_that_strips_the_space_before_it_has_its_own_span():
    assert spans("is the  <mask> of", golden("bytelevel").model) == [(8, 14)]
    assert spans("is the <mask>", golden("unigram").model) == [(7, 13)]


def test_placeholders_have_their_own_spans(model):
    assert spans("a {mask} of <mask>", model) == [(2, 8), (12, 18)]
    assert spans("a {mask} of [MASK]", model) == [(12, 18)]  # the text has the model's own mask


def test_glued_masks_are_one_slot_and_masks_behind_a_space_are_another(model):
    slotted = read_slots(model, "a [MASK][MASK] [MASK]")
    assert slotted.slots == [Slot(2, 14, range(2)), Slot(15, 21, range(2, 3))]


def test_given_slots_replace_masks_and_leave_placeholders_alone(model):
    slotted = read_slots(model, "the cat {mask} sat", [(4, 7), (18, 18)])
    assert slotted.slots == [Slot(4, 7, range(1)), Slot(18, 18, range(1, 2))]
    tokens = [model.tokenizer.tokenizer.id_to_token(token) for token in slotted.ids.tolist()]
    assert tokens[:3] == ["[CLS]", "the", "[MASK]"]
    assert tokens.count("[MASK]") == 2


def test_a_mask_beside_given_slots_is_context(model):
    slotted = read_slots(model, "the [MASK] sat", [(11, 14)])
    assert slotted.slots == [Slot(11, 14, range(1, 2))]
    assert slotted.masks == [Span(4, 10), Span(11, 14)]


def test_adjacent_given_slots_stay_apart(model):
    assert spans("cat", model, [(0, 1), (1, 3)]) == [(0, 1), (1, 3)]


@pytest.mark.parametrize(
    "slots",
    [[], "ab", [(1,)], [(2, 1)], [(0, 99)], [(-1, 2)], [(0, 2), (1, 3)], [(1, 1), (1, 1)], [(0.0, 1)], [(True, 2)]],
)
def test_wrong_slots_are_refused(slots):
    with pytest.raises(InputError, match="slots"):
        check_slots("the cat", slots)


def test_a_text_without_a_mask_is_refused(model):
    with pytest.raises(NoMaskError):
        read_slots(model, "the cat")


def test_a_mask_that_the_tokenizer_does_not_read_is_refused(model, monkeypatch):
    """As where the mask is a part of another added token."""
    monkeypatch.setattr(type(model.encoder), "encode", lambda _self, _text: np.array([2, 9, 3]))
    with pytest.raises(TextError, match=r"has 1 masks \(\[MASK\]\) and the tokenizer reads 0"):
        read_slots(model, "the [MASK]")


@pytest.mark.parametrize("family", FAMILIES)
@PROPERTY
@given(parts=st.lists(st.sampled_from([*PARTS, None, None]), max_size=8), choice=st.integers(0, 2))
def test_every_mask_of_any_text_is_found_where_it_was_put(family, parts, choice):
    model = golden(family).model
    written = [model.tokenizer.mask_token, "{mask}", "[MASK]" if family != "wordpiece" else "<mask>"][choice]
    text, expected = "", []
    for part in [*parts, None]:
        if part is None:
            expected.append(Span(len(text), len(text) + len(written)))
        text += written if part is None else part
    assert read_slots(model, text).masks == expected


def test_a_token_that_the_model_lacks_is_an_error_of_the_text(model, monkeypatch):
    """Several rows of a text run together, and their run would fail, or on a GPU read zeros."""
    ids = model.encoder.encode("the [MASK] cat")
    monkeypatch.setattr(type(model.encoder), "encode", lambda *_: np.where(ids == ids[3], 9999, ids))
    with pytest.raises(TextError, match="with id 9999, the model has"):
        read_slots(model, "the [MASK] cat")
