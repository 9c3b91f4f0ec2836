"""FillMask as an object: shown, pickled, sent to another process."""

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from types import MappingProxyType

import pytest

import fillmask
from fillmask import FillMask, NoMaskError, Prediction
from fillmask.artifact.folder import EMBEDDED

TEXT = "the [MASK] sat on the mat."


def test_it_is_shown_with_its_model_variant_providers_and_threads(native, native_folder):
    shown = f"FillMask({str(native_folder)!r}, variant='fp32', providers=['CPUExecutionProvider'], threads=1)"
    assert repr(native) == shown


def test_placeholders_can_be_switched_off(native_folder):
    strict = FillMask(native_folder, threads=1, placeholders=False)
    assert strict.predict("[MASK]")
    with pytest.raises(NoMaskError):
        strict.predict("<mask>")


def test_a_pickled_engine_predicts_the_same_and_keeps_its_arguments(native_folder):
    original = FillMask(native_folder, variant="int8", threads=1, placeholders=False)
    copy = pickle.loads(pickle.dumps(original))
    assert repr(copy) == repr(original)
    assert copy.predict(TEXT) == original.predict(TEXT)
    with pytest.raises(NoMaskError):
        copy.predict("{mask}")


def test_a_spawned_process_predicts_the_same(native):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(native.predict, TEXT).result(timeout=30) == native.predict(TEXT)


@pytest.mark.skipif(not (EMBEDDED / "fillmask.json").exists(), reason="the model is not embedded here")
def test_the_embedded_model_predicts_what_its_example_shows():
    (predictions,) = fillmask.FillMask(threads=1).predict("She drank a cup of [MASK].", top_k=1)
    assert isinstance(predictions[0], Prediction)
    assert predictions[0].token_str == "tea"


@pytest.mark.usefixtures("with_options")
def test_options_of_any_mapping_pickle(native_folder):
    options = {"use_arena": "0"}
    fill_mask = FillMask(native_folder, providers=[("CPUExecutionProvider", MappingProxyType(options))], threads=1)
    options["use_arena"] = "no more"
    assert pickle.loads(pickle.dumps(fill_mask)).predict("[MASK]") == fill_mask.predict("[MASK]")
    assert fill_mask.__reduce__()[0].keywords["providers"] == [("CPUExecutionProvider", {"use_arena": "0"})]
