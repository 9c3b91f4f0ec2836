"""Texts that run together: planned by length and masks, answered in order, and each as if it were alone."""

import itertools
import re
import threading
import warnings

import numpy as np
import onnx
import pytest

from fillmask import FillMask
from fillmask.answering import Answerer, Row
from fillmask.errors import InputError, NoMaskError, TooLongError, TruncationWarning
from fillmask.many import GPU_BATCH, GPU_ROOM, Pace, find_pace, plan
from tests.support import toys

TEXTS = [f"{'the cat ' * (index % 4)}[MASK]{' [MASK]' * (index % 3)} on" for index in range(150)]


def row(length, masks=1):
    return Row(np.zeros(length, dtype=np.int64), np.arange(masks), masks == 1)


def without_attention_mask(graph):
    model = onnx.load_from_string(graph)
    (unread,) = [each for each in model.graph.input if each.name == "attention_mask"]
    model.graph.input.remove(unread)
    for node in model.graph.node:  # what it reads of the mask it now reads of the ids
        node.input[:] = ["input_ids" if name == "attention_mask" else name for name in node.input]
    return model.SerializeToString()


def scores(answer):
    return [[(prediction.token, prediction.sequence) for prediction in mask] for mask in answer]


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 2), (4, 1), (16, 2), (1024, 3)])
def test_every_text_is_answered_in_its_place(fill_mask, batch_size, workers):
    together = list(fill_mask.predict_many(TEXTS, batch_size=batch_size, workers=workers))
    assert [scores(answer) for answer in together] == [scores(fill_mask.predict(text)) for text in TEXTS]


def test_a_bad_text_is_reported_and_its_neighbours_are_answered(fill_mask):
    texts = ["[MASK]", "no mask", "[MASK]" * 50, "[MASK] cat", None]
    answers = list(fill_mask.predict_many(texts, batch_size=8))
    assert [type(answer) for answer in answers[1:3]] == [NoMaskError, TooLongError]
    assert [scores(answers[0]), scores(answers[3])] == [
        scores(fill_mask.predict(text)) for text in (texts[0], texts[3])
    ]


def test_the_windows_of_a_long_text_come_back_as_one_answer(fill_mask):
    text = "[MASK] the cat " * 30
    (answer,) = fill_mask.predict_many([text], truncation="window", batch_size=4)
    assert scores(answer) == scores(fill_mask.predict(text, truncation="window"))
    assert len(answer) == 30


def test_texts_are_read_two_windows_ahead_and_no_further(fill_mask):
    read = []
    endless = (read.append(text) or text for text in itertools.cycle(TEXTS))
    answers = fill_mask.predict_many(endless, batch_size=2, workers=2)
    assert read == []
    next(answers)
    assert len(read) == 2 * (2 * 2 * 8)
    answers.close()


def test_what_was_read_is_answered_before_an_error_of_the_iterable_is_raised(fill_mask):
    def failing():
        yield from TEXTS[:40]
        raise ConnectionError("the source is gone")

    answers = fill_mask.predict_many(failing(), batch_size=4)
    assert [scores(next(answers)) for _ in range(40)] == [scores(fill_mask.predict(text)) for text in TEXTS[:40]]
    with pytest.raises(ConnectionError, match="the source is gone"):
        next(answers)


def test_what_ran_before_an_error_of_the_engine_itself_is_given_before_it_is_raised(fill_mask, monkeypatch):
    texts, run, expected = ["[MASK]"] * 10, Answerer.run, scores(fill_mask.predict("[MASK]"))

    def broken(self, rows, question):
        if len(rows) < 4:
            raise RuntimeError("no memory")
        return run(self, rows, question)

    monkeypatch.setattr(Answerer, "run", broken)
    answers = fill_mask.predict_many(texts, batch_size=4)
    assert [scores(next(answers)) for _ in range(8)] == [expected] * 8
    with pytest.raises(RuntimeError, match="no memory"):
        next(answers)


def test_what_was_read_is_answered_before_a_warning_that_was_made_an_error(fill_mask):
    texts = ["[MASK]"] * 9 + ["[MASK] " * 40]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answers = fill_mask.predict_many(texts, truncation="right", batch_size=4)
        assert len([next(answers) for _ in range(9)]) == 9
        with pytest.raises(TruncationWarning):
            next(answers)


def test_an_iterator_that_is_closed_leaves_no_threads(fill_mask):
    answers = fill_mask.predict_many(TEXTS, batch_size=2, workers=3)
    next(answers)
    answers.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fillmask")]


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "4", [4], 1025])
@pytest.mark.parametrize("name", ["batch_size", "workers"])
def test_a_number_of_texts_that_is_none_is_refused_before_anything_is_read(fill_mask, name, value):
    said = f"{name} must be a whole number from 1 to 1024, got {value!r}"
    with pytest.raises(InputError, match=re.escape(said)):
        fill_mask.predict_many(TEXTS, **{name: value})


def test_on_a_gpu_texts_run_together_unless_that_changes_their_scores(fill_mask, monkeypatch):
    artifact, session = fill_mask.artifact, fill_mask._session
    assert find_pace(artifact, "fp32", session) == Pace()
    monkeypatch.setattr(session, "on_gpu", True)
    assert find_pace(artifact, "fp32", session, workers=2) == Pace(GPU_BATCH, 2, gpu=True)
    assert find_pace(artifact, "fp32", session, 8) == Pace(8, gpu=True)
    monkeypatch.setattr(session, "takes_attention_mask", False)
    assert find_pace(artifact, "no such variant", session) == Pace(1, gpu=True)


def test_texts_are_read_ahead_for_a_gpu_and_answered_as_on_a_cpu(fill_mask, monkeypatch):
    alone = [fill_mask.predict(text) for text in TEXTS]
    monkeypatch.setattr(fill_mask._session, "on_gpu", True)
    read = []
    answers = fill_mask.predict_many(read.append(text) or text for text in TEXTS)
    first = next(answers)
    assert len(read) > 1
    assert [first, *answers] == alone


def test_a_gpu_has_room_for_more():
    rows = [row(500)] * 40
    assert [len(batch) for batch in plan(rows, GPU_BATCH)] == [8] * 5
    assert [len(batch) for batch in plan(rows, GPU_BATCH, GPU_ROOM)] == [40]


def test_a_variant_whose_texts_would_change_each_other_runs_them_one_by_one_only(native_copy):
    variants = toys.variants(native_copy)
    variants["fp32"]["batch_invariant"] = False
    toys.write_manifest(native_copy, variants=variants)
    fill_mask = FillMask(native_copy, variant="fp32")
    with pytest.raises(InputError, match=r"variant fp32 of .* is not batch-invariant.* batch_size=1"):
        fill_mask.predict_many(TEXTS, batch_size=2)
    assert len(list(fill_mask.predict_many(TEXTS, workers=2))) == len(TEXTS)


def test_a_quantized_foreign_variant_is_not_trusted_with_batches(foreign_copy):
    (foreign_copy / "model.onnx").rename(foreign_copy / "model_quantized.onnx")
    with pytest.raises(InputError, match=r"variant q8 of .* take batch_size=1"):
        FillMask(foreign_copy).predict_many(TEXTS, batch_size=2)


def test_a_foreign_graph_that_cannot_tell_padding_from_text_is_not_trusted_with_batches(tmp_path):
    graph = toys.foreign_graph(toys.tables())
    folder = toys.write_foreign(tmp_path / "foreign", {"model.onnx": without_attention_mask(graph)})
    fill_mask = FillMask(folder, threads=1)
    with pytest.raises(InputError, match=r"take batch_size=1"):
        fill_mask.predict_many(TEXTS, batch_size=2)
    assert len(list(fill_mask.predict_many(TEXTS, workers=2))) == len(TEXTS)


def test_a_batch_has_a_limited_number_of_rows_of_logits():
    assert [len(batch) for batch in plan([row(100, 30)] * 5, 16)] == [2, 2, 1]
    assert [len(batch) for batch in plan([row(100, 65)] * 2, 16)] == [1, 1]


def test_rows_run_beside_those_of_like_length():
    rows = [row(length) for length in (9, 3, 9, 3, 5, 5)]
    assert plan(rows, 2) == [[1, 3], [4, 5], [0, 2]]


def test_rows_run_beside_those_of_equally_many_masks():
    rows = [row(9, 1), row(9, 2), row(3, 1), row(3, 2)]
    assert plan(rows, 8) == [[2, 0], [3, 1]]


def test_a_batch_holds_a_limited_number_of_tokens():
    assert [len(batch) for batch in plan([row(512)] * 20, 1024)] == [8, 8, 4]
    assert [len(batch) for batch in plan([row(8192)] * 3, 1024)] == [1, 1, 1]


def test_every_row_is_in_one_batch():
    rng = np.random.default_rng(0)
    rows = [
        row(int(length), int(masks))
        for length, masks in zip(rng.integers(4, 512, 300), rng.integers(1, 4, 300), strict=True)
    ]
    batches = plan(rows, 16)
    assert sorted(itertools.chain(*batches)) == list(range(300))
    assert max(map(len, batches)) <= 16
