"""Warnings as values, and the line that each of them points at: the caller's, in whatever way it called."""

import inspect
import warnings

import onnxruntime as ort
import pytest

from fillmask import FillMask, InputError, ProviderWarning, TargetWarning, TruncationWarning
from fillmask.errors import TooLongError
from fillmask.loading import load_model
from fillmask.notices import Notice, warn

LONG = "[MASK] " + "cat " * 40 + "[MASK]"
BATCHES = [{}, {"batch_size": 4}, {"workers": 2}, {"batch_size": 4, "workers": 2}]


@pytest.fixture
def caught():
    """The warnings of a test, each of them even where a line repeats."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        yield found


def places(caught):
    """The kind, file and line of each warning."""
    return [(warning.category, warning.filename, warning.lineno) for warning in caught]


def here(offset=-1):
    """The line before the caller's, or another one near it."""
    return inspect.currentframe().f_back.f_lineno + offset


# A notice


def test_notices_become_warnings_in_their_order(caught):
    warn([Notice(TargetWarning, "one"), Notice(TruncationWarning, "two")])
    assert places(caught) == [(TargetWarning, __file__, here()), (TruncationWarning, __file__, here())]
    assert [str(warning.message) for warning in caught] == ["one", "two"]


def test_no_notices_are_no_warnings(caught):
    warn(())
    assert caught == []


def test_a_warning_that_is_made_an_error_is_raised():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(TargetWarning, match="one"):
            warn([Notice(TargetWarning, "one")])


# Targets


def test_a_replaced_target_warns_at_the_line_of_a_call(fill_mask, caught):
    fill_mask("[MASK]", targets="Paris")
    assert places(caught) == [(TargetWarning, __file__, here())]
    assert "`Paris` does not exist" in str(caught[0].message)


def test_a_replaced_target_warns_once_for_a_list_at_the_line_of_the_call(fill_mask, caught):
    fill_mask(["[MASK]", "[MASK] cat"], targets="Paris")
    assert places(caught) == [(TargetWarning, __file__, here())]


def test_a_replaced_target_warns_at_the_line_of_predict(fill_mask, caught):
    fill_mask.predict("[MASK]", targets=["Paris", "cat"])
    assert places(caught) == [(TargetWarning, __file__, here())]


def test_a_replaced_target_warns_at_the_line_of_predict_many_and_not_where_it_is_read(fill_mask, caught):
    for batches in BATCHES:
        caught.clear()
        outcomes = fill_mask.predict_many(["[MASK]", "[MASK] cat"], targets="Paris", **batches)
        assert places(caught) == [(TargetWarning, __file__, here())]
        assert len(list(outcomes)) == 2
        assert len(caught) == 1


def test_every_replaced_target_has_a_warning(fill_mask, caught):
    fill_mask.predict("[MASK]", targets=["Paris", "London", "  ", "cat"])
    assert places(caught) == [(TargetWarning, __file__, here())] * 3


ERRORS = [
    {"targets": ["Paris"], "top_k": -1},
    {"targets": ["Paris"], "truncation": "left"},
    {"targets": [" "]},
]


@pytest.mark.parametrize("arguments", ERRORS, ids=str)
def test_a_replaced_target_warns_though_a_wrong_argument_follows(fill_mask, caught, arguments):
    for call, texts in ((fill_mask, "[MASK]"), (fill_mask.predict, "[MASK]"), (fill_mask.predict_many, ["[MASK]"])):
        caught.clear()
        with pytest.raises(InputError):
            call(texts, **arguments)
        assert places(caught) == [(TargetWarning, __file__, here())]


@pytest.mark.parametrize("text", ["no mask", "[MASK] " * 40, "[MASK]\0", None])
def test_a_replaced_target_warns_though_the_text_is_refused(fill_mask, caught, text):
    with pytest.raises(InputError):
        fill_mask.predict(text, targets="Paris")
    assert places(caught) == [(TargetWarning, __file__, here())]


def test_a_replaced_target_warns_though_the_batches_are_refused(fill_mask, caught):
    with pytest.raises(InputError):
        fill_mask.predict_many(["[MASK]"], targets="Paris", batch_size=0)
    assert places(caught) == [(TargetWarning, __file__, here())]


# Truncation


def test_masks_that_are_cut_off_warn_at_the_line_of_predict(fill_mask, caught):
    fill_mask.predict(LONG, truncation="right")
    assert places(caught) == [(TruncationWarning, __file__, here())]
    assert "cut off 1 of the text's 2 masks" in str(caught[0].message)


def test_masks_that_are_cut_off_warn_at_the_line_of_a_call(fill_mask, caught):
    fill_mask(LONG, truncation="right")
    assert places(caught) == [(TruncationWarning, __file__, here())]


def test_masks_that_are_cut_off_warn_at_the_line_of_a_call_with_a_list(fill_mask, caught):
    fill_mask(["[MASK]", LONG, LONG], truncation="right")
    assert places(caught) == [(TruncationWarning, __file__, here())] * 2
    caught.clear()
    fill_mask([LONG], truncation="right")
    assert places(caught) == [(TruncationWarning, __file__, here())]


def test_masks_that_are_cut_off_warn_where_a_lazy_call_is_read(fill_mask, caught):
    results = fill_mask(iter(["[MASK]", LONG]), truncation="right")
    next(results)
    assert caught == []
    next(results)
    assert places(caught) == [(TruncationWarning, __file__, here())]


@pytest.mark.parametrize("batches", BATCHES, ids=str)
def test_masks_that_are_cut_off_warn_where_many_texts_are_read(fill_mask, caught, batches):
    outcomes = fill_mask.predict_many(["[MASK]", LONG, "[MASK]"], truncation="right", **batches)
    next(outcomes)
    assert caught == []
    next(outcomes)
    assert places(caught) == [(TruncationWarning, __file__, here())]
    next(outcomes)
    assert len(caught) == 1


@pytest.mark.parametrize("batches", BATCHES, ids=str)
def test_masks_that_are_cut_off_warn_in_a_loop_over_many_texts(fill_mask, caught, batches):
    lines = {here(+1)}
    for _ in fill_mask.predict_many([LONG, "no mask", LONG], truncation="right", **batches):
        pass
    assert places(caught) == [(TruncationWarning, __file__, *lines)] * 2


@pytest.mark.parametrize("batches", BATCHES, ids=str)
def test_what_was_read_is_given_before_a_warning_that_was_made_an_error(fill_mask, batches):
    texts = ["[MASK]"] * 9 + ["[MASK] " * 40]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcomes = fill_mask.predict_many(texts, truncation="right", **batches)
        assert len([next(outcomes) for _ in range(9)]) == 9
        with pytest.raises(TruncationWarning):
            next(outcomes)


def test_a_text_that_is_refused_has_no_warning_of_truncation(fill_mask, caught):
    with pytest.raises(TooLongError):
        fill_mask.predict(LONG)
    assert caught == []


# Providers


@pytest.fixture
def without_a_device(monkeypatch):
    """ONNX Runtime lists CUDA, which does not start."""
    real = ort.InferenceSession
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])
    monkeypatch.setattr(
        ort,
        "InferenceSession",
        lambda graph, options, providers, **_: real(graph, options, providers=["CPUExecutionProvider"]),
    )


@pytest.mark.usefixtures("without_a_device")
def test_a_gpu_that_does_not_start_warns_at_the_line_that_makes_the_object(native_folder, caught):
    FillMask(native_folder, threads=1)
    assert places(caught) == [(ProviderWarning, __file__, here())]


@pytest.mark.usefixtures("without_a_device")
def test_a_model_that_is_loaded_without_the_object_has_it_as_a_notice(native_folder, caught):
    model = load_model(native_folder, threads=1)
    assert [notice.category for notice in model.notices] == [ProviderWarning]
    assert caught == []
