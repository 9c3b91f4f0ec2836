"""A slot in its context."""

import numpy as np
import pytest

from fillmask.contexts import is_marked, slot_context
from fillmask.errors import TooLongError
from fillmask.slots import read_slots
from tests.support.goldens import golden
from tests.support.toys import MAX_LENGTH, VOCAB

MASK = VOCAB.index("[MASK]")


def context_of(model, text, pieces, truncation=None, index=0):
    slotted = read_slots(model, text)
    return slot_context(model, slotted, slotted.slots[index], pieces, truncation)


def names(row):
    return " ".join(VOCAB[token] for token in row.tolist())


def test_pieces_take_the_place_of_the_masks_of_a_slot(native):
    context = context_of(native.model, "the [MASK][MASK] sat [MASK]", 3)
    assert names(context.row([MASK, 9, MASK])) == f"[CLS] the [MASK] {VOCAB[9]} [MASK] sat [MASK] [SEP]"
    assert context.row([MASK])[context.before.size] == MASK
    assert names(context_of(native.model, "the [MASK][MASK] sat [MASK]", 1, index=1).row([9])) == (
        f"[CLS] the [MASK] [MASK] sat {VOCAB[9]} [SEP]"
    )


def test_a_long_text_has_one_window_whatever_the_number_of_pieces(native):
    text = "cat " * 9 + "[MASK]" + " dog" * 9
    with pytest.raises(
        TooLongError, match="the text has 23 tokens with 3 pieces at the slot, and the model takes at most 16"
    ):
        context_of(native.model, text, 3)
    context = context_of(native.model, text, 3, "window")
    assert context.row([MASK] * 3).size == MAX_LENGTH
    assert names(context.before).count("cat") == names(context.after).count("dog") + 1 == 6
    assert names(context.before).startswith("[CLS] cat")
    assert names(context.after).endswith("dog [SEP]")


@pytest.mark.parametrize("before", range(0, 30, 3))
@pytest.mark.parametrize("pieces", [1, 2, 14])
def test_a_window_is_full_and_inside_the_text(native, before, pieces):
    context = context_of(native.model, "cat " * before + "[MASK]" + " dog" * (29 - before), pieces, "window")
    row = names(context.row([MASK] * pieces))
    assert len(row.split()) == MAX_LENGTH
    assert row.startswith("[CLS]")
    assert row.endswith("[SEP]")


def test_a_text_that_just_fits_is_not_cut(native):
    assert context_of(native.model, "cat " * 12 + "[MASK]", 2).row([1, 2]).size == MAX_LENGTH


def test_more_pieces_than_the_model_takes_are_refused(native):
    with pytest.raises(TooLongError, match="15 pieces at a slot are more than the model takes, 16 tokens"):
        context_of(native.model, "[MASK]", 15, "window")


def test_whether_a_word_has_the_mark():
    model = golden("bytelevel").model
    slotted = read_slots(model, "<mask> the <mask> (<mask>)")
    assert [is_marked(model, slotted, slot.masks.start) for slot in slotted.slots] == [False, True, False]
    assert [slot_context(model, slotted, slot, 1, None).marked for slot in slotted.slots] == [False, True, False]
    np.testing.assert_array_equal(slot_context(model, slotted, slotted.slots[1], 1, None).row([560]), slotted.ids)
