"""Which rows may run together: by the manifest where it records that, else by a trial of the graph."""

import numpy as np
import pytest

from fillmask import FillMask
from fillmask.errors import FillMaskError, InputError
from fillmask.invariance import Invariance, random_difference, recorded, score_difference
from fillmask.runtime import padding_trial
from fillmask.runtime.session import Session
from tests.support import toys

TEXTS = ["the [MASK]", "a [MASK] cat", "[MASK] sat on the mat", "the [MASK] cat sat on a mat", "the dog [MASK]"]


def invariance(folder, graph):
    return FillMask(toys.write_foreign(folder, {"model.onnx": graph}), threads=1).model.invariance


def test_rows_of_a_graph_that_reads_its_mask_may_run_together(tmp_path):
    assert invariance(tmp_path, toys.foreign_graph(toys.tables())) == Invariance(padded=True, equal_length=True)


def test_rows_that_share_a_scale_may_not(tmp_path):
    assert invariance(tmp_path, toys.mixing_graph(toys.tables())) == Invariance(padded=False, equal_length=False)


def test_padding_that_a_graph_reads_as_text_rules_out_rows_of_different_lengths(tmp_path):
    """The attention mask is an input, and the token behind the last one still counts."""
    graph = toys.padding_counts_graph(toys.tables())
    assert invariance(tmp_path, graph) == Invariance(padded=False, equal_length=True)


def test_a_graph_without_an_attention_mask_runs_rows_of_equal_length_only(tmp_path):
    graph = toys.without_attention_mask(toys.foreign_graph(toys.tables()))
    assert invariance(tmp_path, graph) == Invariance(padded=False, equal_length=True)


def test_what_cannot_run_several_rows_is_not_trusted_with_them(tmp_path, monkeypatch):
    fill_mask = FillMask(toys.write_foreign(tmp_path), threads=1)
    run = Session.run

    def one_row(session, input_ids, attention_mask, positions):
        if len(input_ids) > 1:
            raise FillMaskError("Got invalid dimensions")
        return run(session, input_ids, attention_mask, positions)

    monkeypatch.setattr(Session, "run", one_row)
    assert fill_mask.model.invariance == Invariance(padded=False, equal_length=False)


def test_logits_that_are_not_numbers_are_not_trusted(tmp_path):
    weights = np.full_like(toys.tables(), np.nan)
    assert invariance(tmp_path, toys.foreign_graph(weights)) == Invariance(padded=False, equal_length=False)


@pytest.mark.parametrize("max_length", [1, 2, 3, 8])
def test_a_model_that_takes_few_tokens_is_tried_on_as_many(tmp_path, max_length):
    settings = {"model_max_length": max_length}
    fill_mask = FillMask(toys.write_foreign(tmp_path, settings=settings), threads=1)
    assert fill_mask.model.invariance == Invariance(padded=True, equal_length=True)


def test_the_trial_runs_once_and_not_before_it_is_needed(tmp_path, monkeypatch):
    runs, run = [], Session.run
    monkeypatch.setattr(Session, "run", lambda *arguments: runs.append(1) or run(*arguments))
    fill_mask = FillMask(toys.write_foreign(tmp_path), threads=1)
    fill_mask.predict("the [MASK]")
    assert len(runs) == 1
    assert [fill_mask.batch_invariant, fill_mask.model.equal_length_invariant, len(runs)] == [True, True, 9]


def test_what_the_manifest_records_is_taken(native_copy):
    variants = toys.variants(native_copy)
    variants["fp32"] |= {"batch_invariant": False, "equal_length_invariant": True}
    toys.write_manifest(native_copy, variants=variants)
    model = FillMask(native_copy, variant="fp32", threads=1).model
    assert model.invariance == Invariance(padded=False, equal_length=True)


def test_a_foreign_graph_whose_rows_change_each_other_runs_them_one_by_one_only(tmp_path):
    folder = toys.write_foreign(tmp_path / "foreign", {"model.onnx": toys.mixing_graph(toys.tables())})
    fill_mask = FillMask(folder, threads=1)
    with pytest.raises(InputError, match=r"variant fp32 of .* take a batch_size of 1"):
        fill_mask.predict_many(TEXTS, batch_size=2)
    assert len(list(fill_mask.predict_many(TEXTS, workers=2))) == len(TEXTS)


def test_a_foreign_graph_that_cannot_tell_padding_from_text_runs_rows_of_equal_length_together(tmp_path, monkeypatch):
    graph = toys.without_attention_mask(toys.foreign_graph(toys.tables()))
    fill_mask = FillMask(toys.write_foreign(tmp_path / "foreign", {"model.onnx": graph}), threads=1)
    assert (fill_mask.batch_invariant, fill_mask.model.equal_length_invariant) == (False, True)
    alone, padded, run = [fill_mask.predict(text) for text in TEXTS], [], Session.run

    def seen(session, input_ids, attention_mask, positions):
        padded.append(not attention_mask.all())
        return run(session, input_ids, attention_mask, positions)

    monkeypatch.setattr(Session, "run", seen)
    assert list(fill_mask.predict_many(TEXTS, batch_size=16)) == alone
    assert len(padded) < len(TEXTS)
    assert not any(padded)


@pytest.mark.parametrize("name", ["model.onnx", "model_quantized.onnx"])
def test_a_foreign_variant_is_tried_whatever_its_name(foreign_copy, name):
    (foreign_copy / "model.onnx").rename(foreign_copy / name)
    assert FillMask(foreign_copy, threads=1).model.invariance == Invariance(padded=True, equal_length=True)


@pytest.mark.parametrize("variant", ["fp32", "int8"])
def test_a_variant_of_which_the_manifest_records_nothing_is_tried(native_folder, variant):
    model = FillMask(native_folder, variant=variant, threads=1).model
    assert model.invariance == Invariance(padded=True, equal_length=True)


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize(
    ("entry", "padded"),
    [
        ({"quantization": "uint8"}, {True: False, False: False}),
        ({"quantization": "uint8", "batch_texts": 200}, {True: True, False: False}),
        ({}, {True: True, False: True}),
    ],
    ids=["int8 of an earlier version", "int8", "fp32"],
)
def test_padding_beside_int8_is_trusted_if_it_was_seen_on_many_texts_and_the_kernels_allow_it(
    entry, padded, kept, monkeypatch
):
    monkeypatch.setattr(padding_trial, "padding_keeps_bits", lambda: kept)
    assert recorded(entry | {"batch_invariant": True}) == Invariance(padded[kept], equal_length=True)


def test_the_embedded_model_gives_a_text_its_scores_beside_padding_too():
    """Where the last digit of a sum followed padding, this text's scores differed by 3.5e-3."""
    fill_mask = FillMask(threads=1)
    text = "spot_1, spot_2, spot_3 SAVE spot_3, , [MASK] Programmers who write"
    ids = fill_mask.model.encode(text).rows[0]
    longer = [np.append(ids.input_ids, [0] * extra) for extra in (1, 2, 20)]
    rows = [(row, ids.positions) for row in (ids.input_ids, *longer)]
    if fill_mask.batch_invariant:  # not on a CPU whose kernels do not allow it
        assert score_difference(fill_mask.model.session, rows, 0) < 1e-5
    assert fill_mask.model.equal_length_invariant


def test_equal_logits_that_are_not_numbers_are_no_agreement(tmp_path):
    for logit in (np.nan, np.inf):
        weights = np.full_like(toys.tables(), logit)
        model = FillMask(toys.write_foreign(tmp_path / str(logit), {"model.onnx": toys.foreign_graph(weights)})).model
        with np.errstate(invalid="ignore"):
            assert np.isnan(random_difference(model.session, model.tokenizer, 8))


def test_scores_in_batches_of_random_rows_are_compared_with_scores_alone(tmp_path):
    steady = FillMask(toys.write_foreign(tmp_path / "a"), threads=1).model
    mixing = FillMask(toys.write_foreign(tmp_path / "b", {"model.onnx": toys.mixing_graph(toys.tables())}), threads=1)
    assert random_difference(steady.session, steady.tokenizer, 20) < 1e-6
    assert random_difference(mixing.model.session, mixing.model.tokenizer, 20) > 1e-3
    assert random_difference(steady.session, steady.tokenizer, 0) == 0.0
