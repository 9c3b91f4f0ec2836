"""How many rows may run together."""

import re

import pytest

from fillmask import FillMask
from fillmask.concurrency import GPU_BATCH_SIZE, Concurrency, choose_concurrency
from fillmask.errors import InputError
from fillmask.invariance import Invariance
from fillmask.model import Model
from fillmask.runtime.session import Session
from tests.support import toys
from tests.support.tasks import TEXTS, WORDS


@pytest.fixture
def model(fill_mask):
    return fill_mask.model


def with_entry(folder, **entry):
    """A native folder whose manifest vouches for fp32 in this way."""
    variants = toys.variants(folder)
    variants["fp32"] |= entry
    toys.write_manifest(folder, variants=variants)
    return FillMask(folder, variant="fp32", threads=1)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "4", [4], 1025])
@pytest.mark.parametrize("name", ["batch_size", "workers"])
def test_a_number_out_of_its_range_is_refused_before_anything_is_read(fill_mask, name, value):
    message = f"{name} must be a whole number from 1 to 1024, got {value!r}"
    with pytest.raises(InputError, match=re.escape(message)):
        fill_mask.predict_many((pytest.fail("a text was read") for _ in "a"), **{name: value})
    with pytest.raises(InputError, match=re.escape(message)):
        Concurrency(**{name: value})


def test_on_a_gpu_rows_run_together_unless_that_changes_their_scores(model, monkeypatch):
    assert choose_concurrency(model) == Concurrency()
    monkeypatch.setattr(model.session, "on_gpu", True)
    assert choose_concurrency(model, workers=2) == Concurrency(GPU_BATCH_SIZE, 2)
    assert choose_concurrency(model, 8) == Concurrency(8)
    monkeypatch.setattr(Model, "invariance", Invariance(padded=False, equal_length=True))
    assert choose_concurrency(model) == Concurrency(1)


def test_a_variant_whose_texts_would_change_each_other_runs_them_one_by_one_only(native_copy):
    fill_mask = with_entry(native_copy, batch_invariant=False)
    with pytest.raises(InputError, match=r"of equal length .* with variant fp32 of .* a batch_size of 1"):
        fill_mask.predict_many(TEXTS, batch_size=2)
    assert len(list(fill_mask.predict_many(TEXTS, workers=2))) == len(TEXTS)


def test_a_batch_size_without_effect_is_not_refused(native_copy, monkeypatch):
    fill_mask = with_entry(native_copy, batch_invariant=False)
    texts = ["the cat sat", "a dog"]
    assert list(fill_mask.score_many(texts, batch_size=16)) == [fill_mask.score(text) for text in texts]
    assert list(fill_mask.rank_many(TEXTS[:2], ["cat"], batch_size=16)) == list(fill_mask.rank_many(TEXTS[:2], ["cat"]))
    monkeypatch.setattr(fill_mask.model.session, "on_gpu", True)  # where rows of all texts run together
    with pytest.raises(InputError, match="a batch_size of 1"):
        fill_mask.score_many(texts, batch_size=16)


def test_a_variant_that_only_padding_disturbs_runs_rows_of_equal_length_together(native_copy, runs, monkeypatch):
    fill_mask = with_entry(native_copy, batch_invariant=False, equal_length_invariant=True)
    expected = [fill_mask.predict(text) for text in TEXTS]
    shapes, run = [], Session.run

    def seen(session, input_ids, attention_mask, positions):
        shapes.append((input_ids.shape[0], bool(attention_mask.all())))
        return run(session, input_ids, attention_mask, positions)

    monkeypatch.setattr(Session, "run", seen)
    runs.clear()
    texts = [f"{text} {word}" for text in TEXTS[:8] for word in WORDS]
    assert list(fill_mask.predict_many(TEXTS, batch_size=16)) == expected
    assert len(list(fill_mask.predict_many(texts, batch_size=16))) == len(texts)
    assert max(size for size, _ in shapes) > 1
    assert all(whole for _, whole in shapes)
