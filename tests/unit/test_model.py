"""The loaded model: texts to rows, rows to logits, and which rows may run together."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillmask import ForkError, TooLongError
from fillmask.batching import ANY_LENGTH
from fillmask.encoding import Encoder
from fillmask.errors import FillMaskError, TextError, TruncationWarning
from fillmask.loading import load_model
from fillmask.model import Encoding
from fillmask.runtime.session import Session
from tests.support import toys
from tests.support.toys import MAX_LENGTH, PROPERTY, VOCAB_SIZE

CLS, SEP, MASK = 2, 3, 4


@pytest.fixture
def model(fill_mask):
    return fill_mask.model


def ids(text):
    return [row.input_ids.tolist() for row in text.rows]


def expected(row):
    weights = toys.tables(0)
    return [weights[0][row.input_ids[mask - 1]] + weights[1][row.input_ids[mask + 1]] for mask in row.positions]


def loaded(folder, variant="fp32", **entry):
    """A native folder's variant whose manifest vouches for it in this way."""
    variants = toys.variants(folder)
    variants[variant] |= entry
    toys.write_manifest(folder, variants=variants)
    return load_model(folder, variant=variant, threads=1)


def test_a_model_cannot_be_changed(model):
    with pytest.raises(FrozenInstanceError):
        model.variant = "int8"


def test_a_text_is_one_row_with_the_places_of_its_masks(model):
    encoded = model.encode("[MASK] is [MASK]")
    (row,) = encoded.rows
    assert row.input_ids.tolist() == [CLS, MASK, toys.VOCAB.index("is"), MASK, SEP]
    assert row.positions.tolist() == [1, 3]
    assert row.input_ids.dtype == row.positions.dtype == np.int64
    assert (row.single_mask, encoded.notices) == (False, ())


def test_a_lone_mask_is_marked_as_such(model):
    assert [row.single_mask for row in model.encode("the [MASK]").rows] == [True]


@pytest.mark.parametrize("truncation", [None, "right", "window"])
def test_a_text_that_just_fits_is_left_whole(model, truncation):
    text = "[MASK]" + " cat" * (MAX_LENGTH - 3)
    assert ids(model.encode(text, truncation)) == [Encoder(model.tokenizer).encode(text).tolist()]


@pytest.mark.parametrize("words", [MAX_LENGTH - 2, 5000])
def test_a_text_that_is_too_long_is_refused_without_a_truncation(model, words):
    with pytest.raises(TooLongError, match=f"has {words + 3} tokens and the model takes at most {MAX_LENGTH}"):
        model.encode("[MASK]" + " cat" * words)


def test_windows_are_rows_whose_masks_are_the_texts_from_left_to_right(model):
    words = ["cat"] * 5000
    for position in (0, 1, 13, 14, 2500, 2507, 4998, 4999):
        words[position] = "[MASK]"
    rows = model.encode(" ".join(words), "window").rows
    assert [row.positions.size for row in rows] == [3, 1, 2, 2]
    for row in rows:
        assert np.flatnonzero(row.input_ids == MASK).tolist() == row.positions.tolist()
        assert row.input_ids.size == MAX_LENGTH
        assert not row.single_mask


def test_a_lone_mask_of_a_long_text_is_a_single_mask(model):
    (row,) = model.encode("cat " * 50 + "[MASK]" + " dog" * 50, "window").rows
    assert row.single_mask


def test_masks_that_were_cut_off_are_a_notice(model):
    encoded = model.encode("[MASK]" + " cat" * 50 + " [MASK]", "right")
    assert isinstance(encoded, Encoding)
    assert len(encoded.rows) == 1
    assert [notice.category for notice in encoded.notices] == [TruncationWarning]


@PROPERTY
@given(text=st.text(max_size=30).filter(lambda text: "[MASK]" not in text))
def test_any_unicode_text_fits_or_is_refused_with_an_input_error(native, text):
    try:
        rows = native.model.encode(f"[MASK]{text}", "window").rows
    except TextError:
        assert "\0" in text
    else:
        assert all(row.input_ids.size <= MAX_LENGTH for row in rows)
        assert sum(row.positions.size for row in rows) == 1


def test_in_a_fork_nothing_is_encoded_or_run(model, monkeypatch):
    rows = model.encode("[MASK]").rows
    monkeypatch.setattr("os.getpid", lambda: -1)
    with pytest.raises(ForkError):
        model.encode("no mask")
    with pytest.raises(ForkError):
        model.logits(rows)


def test_logits_are_those_at_the_masks(model):
    rows = model.encode("[MASK] is [MASK]").rows
    logits = model.logits(rows)
    assert (logits.shape, logits.dtype) == ((1, 2, VOCAB_SIZE), np.float32)
    np.testing.assert_array_equal(logits[0], expected(rows[0]))


def test_rows_of_different_lengths_run_together_as_they_run_alone(model):
    texts = ["[MASK] is [MASK]", "the cat [MASK] on [MASK] .", "[MASK] [MASK]"]
    rows = [row for text in texts for row in model.encode(text).rows]
    logits = model.logits(rows)
    assert logits.shape == (3, 2, VOCAB_SIZE)
    for row, found in zip(rows, logits, strict=True):
        np.testing.assert_array_equal(found, expected(row))
        np.testing.assert_array_equal(found, model.logits([row])[0])


def test_logits_may_be_overwritten(model):
    rows = model.encode("[MASK] is [MASK]").rows
    first = model.logits(rows)
    before = first.copy()
    first[:] = np.nan
    np.testing.assert_array_equal(model.logits(rows), before)


def test_rows_are_padded_with_the_models_own_token(model, monkeypatch):
    seen, run = [], Session.run

    def spy(session, input_ids, attention_mask, positions):
        seen.append((input_ids.tolist(), attention_mask.tolist()))
        return run(session, input_ids, attention_mask, positions)

    monkeypatch.setattr(Session, "run", spy)
    model.logits([row for text in ("[MASK]", "[MASK] cat") for row in model.encode(text).rows])
    ((input_ids, attention_mask),) = seen
    assert input_ids[0] == [CLS, MASK, SEP, model.tokenizer.pad_token_id]
    assert attention_mask == [[1, 1, 1, 0], [1, 1, 1, 1]]


def test_a_run_that_fails_is_an_error_of_the_engine(model, monkeypatch):
    def failing(*_):
        raise FillMaskError("ONNX Runtime failed in a run: no memory")

    monkeypatch.setattr(Session, "_logits", failing)
    with pytest.raises(FillMaskError, match="no memory"):
        model.logits(model.encode("[MASK]").rows)


@pytest.mark.parametrize("variant", ["fp32", "int8"])
@pytest.mark.parametrize(
    ("entry", "padded", "equal"),
    [
        ({"batch_invariant": True}, True, True),  # earlier versions record this alone
        ({"batch_invariant": False}, False, False),
        ({"batch_invariant": True, "equal_length_invariant": True}, True, True),
        ({"batch_invariant": False, "equal_length_invariant": True}, False, True),
        ({"batch_invariant": False, "equal_length_invariant": False}, False, False),
    ],
)
def test_the_manifest_records_what_padding_and_what_neighbors_change(native_copy, variant, entry, padded, equal):
    model = loaded(native_copy, variant, **entry)
    assert (model.batch_invariant, model.equal_length_invariant) == (padded, equal)
    assert not model.bitwise_invariant


@pytest.mark.parametrize(
    ("entry", "limit"),
    [
        ({"batch_invariant": True}, ANY_LENGTH),
        ({"batch_invariant": True, "padded_below": 384}, 384),
        ({"batch_invariant": True, "padded_below": "384"}, 0),  # a wrong type allows nothing
        ({"batch_invariant": False, "padded_below": 384}, 0),
    ],
)
def test_the_manifest_says_which_rows_may_be_padded(native_copy, entry, limit):
    assert loaded(native_copy, **entry).padded_below == limit


INTEGERS = "uint8 activations on fixed scales calibrated on 9 tokens, int8 weights; 4 products at 3 activations"
SEEN = {"batch_invariant": True, "batch_texts": 256, "batch_difference": 0.0, "quantization": INTEGERS}


@pytest.mark.parametrize(
    ("entry", "kernels", "expected"),
    [
        (SEEN, True, True),
        (SEEN, False, False),  # another machine
        (SEEN | {"batch_difference": 1e-9}, True, False),
        (SEEN | {"batch_invariant": False}, True, False),
        (SEEN | {"equal_length_invariant": False}, True, False),
        ({name: value for name, value in SEEN.items() if name != "quantization"}, True, False),  # floats
        (SEEN | {"quantization": "float16 weights"}, True, False),
        (SEEN | {"quantization": f"{INTEGERS}, those of 1 left in fp32 (a)"}, True, False),
        (SEEN | {"products_keep_bits": False}, True, False),
        (SEEN | {"products_keep_bits": True, "quantization": "in other words"}, True, True),
        (SEEN | {"products_keep_bits": "yes"}, True, False),
    ],
)
def test_rows_keep_every_bit_where_the_exporter_and_this_machine_saw_it(
    native_copy, monkeypatch, entry, kernels, expected
):
    monkeypatch.setattr("fillmask.runtime.padding_trial.padding_keeps_bits", lambda: kernels)
    assert loaded(native_copy, "int8", **entry).bitwise_invariant is expected
