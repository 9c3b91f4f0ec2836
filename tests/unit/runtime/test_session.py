"""Runs of a session: logits at the masks, whatever the graph."""

import os

import numpy as np
import pytest

from fillmask import FillMask
from fillmask.errors import ArtifactError, FillMaskError, ForkError, TopKError
from fillmask.padding import pad
from fillmask.runtime.session import Session
from tests.support import toys

IDS = np.array([2, 5, 4, 9, 4, 3])
MASKS = np.array([[2, 4]])


def expected(weights):
    return np.stack([weights[0][IDS[mask - 1]] + weights[1][IDS[mask + 1]] for mask in MASKS[0]])[None]


@pytest.mark.parametrize("make", [toys.native_graph, toys.foreign_graph])
@pytest.mark.parametrize("ids", ["int64", "int32"])
def test_the_logits_are_those_at_the_masks_whatever_the_graph_takes(make, ids):
    weights = toys.tables(3)
    session = Session(make(weights, ids=ids), threads=1)
    assert session.at_masks is (make is toys.native_graph)
    np.testing.assert_array_equal(session.run(*pad([IDS], 0), MASKS), expected(weights))


def test_half_precision_logits_become_float32():
    logits = Session(toys.foreign_graph(toys.tables(3), dtype="float16"), threads=1).run(*pad([IDS], 0), MASKS)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, expected(toys.tables(3)), rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("make", [toys.native_graph, toys.foreign_graph])
def test_texts_of_different_lengths_run_in_one_batch(make):
    session = Session(make(toys.tables(3)), threads=1)
    alone = session.run(*pad([IDS], 0), MASKS)
    together = session.run(*pad([IDS, IDS[:4]], 0), np.array([[2, 4], [2, 1]]))
    np.testing.assert_array_equal(together[0], alone[0])
    np.testing.assert_array_equal(together[1, 0], alone[0, 0])


def test_a_graph_may_be_a_path(foreign_folder):
    logits = Session(foreign_folder / "model.onnx", threads=1).run(*pad([IDS], 0), MASKS)
    np.testing.assert_array_equal(logits, expected(toys.tables()))


def test_a_run_that_fails_is_an_error_of_the_engine():
    graph = toys.parse(
        "toy (int64[b,s] input_ids) => (float[b,s,1] logits) { c = Reshape(input_ids, shape) logits = Cast<to=1>(c) }",
        shape=np.array([1, 9, 1]),
    )
    session = Session(graph, threads=1)
    with pytest.raises(FillMaskError, match=r"^ONNX Runtime failed in a run: [^\n]+$"):
        session.run(*pad([IDS], 0), MASKS)


@pytest.mark.parametrize("make", [toys.native_graph, toys.foreign_graph])
@pytest.mark.parametrize("ids", ["int64", "int32"])
def test_the_vocabulary_is_the_last_axis_of_the_logits(make, ids):
    assert Session(make(toys.tables(3)[:, :, :33], ids=ids), threads=1).vocab_size == 33


def test_a_declared_vocabulary_is_taken_without_a_run(monkeypatch):
    monkeypatch.setattr(Session, "run", lambda *_: pytest.fail("the model ran"))
    assert Session(toys.native_graph(toys.tables(3)), threads=1).vocab_size == toys.VOCAB_SIZE


def test_an_undeclared_vocabulary_is_found_by_one_run_on_two_tokens(monkeypatch):
    run, shapes = Session._logits, []

    def spy(session, input_ids, attention_mask, positions):
        shapes.append((input_ids.shape, attention_mask.tolist(), positions.shape))
        return run(session, input_ids, attention_mask, positions)

    monkeypatch.setattr(Session, "_logits", spy)
    assert Session(toys.hidden_size_graph(10), threads=1).vocab_size == 10
    assert shapes == [((1, 2), [[1, 1]], (1, 1))]


def test_an_undeclared_vocabulary_bounds_top_k(tmp_path):
    engine = FillMask(toys.write_foreign(tmp_path / "model", {"model.onnx": toys.hidden_size_graph(10)}), threads=1)
    assert (engine.vocab_size, len(engine.predict("[MASK]", top_k=10)[0])) == (10, 10)
    with pytest.raises(TopKError, match="from 0 to 10, the size of the vocabulary"):
        engine.predict("[MASK]", top_k=11)


@pytest.mark.parametrize("make", [toys.native_graph, toys.foreign_graph])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_no_number_is_handed_on_and_spoils_no_other(make, value):
    weights = toys.tables(3)
    weights[1, IDS[3], 7] = value  # behind the first mask only
    logits = Session(make(weights), threads=1).run(*pad([IDS], 0), MASKS)
    np.testing.assert_array_equal(logits, expected(weights))
    assert np.argwhere(~np.isfinite(logits)).tolist() == [[0, 0, 7]]


def test_what_a_foreign_graph_gives_beside_the_masks_is_not_looked_at():
    weights = toys.tables(3)
    weights[0, IDS[0]] = np.nan  # seen by the second token, which is no mask
    logits = Session(toys.foreign_graph(weights), threads=1).run(*pad([IDS], 0), MASKS)
    np.testing.assert_array_equal(logits, expected(weights))


def test_a_model_whose_first_run_fails_does_not_load(monkeypatch):
    def fail(*_):
        raise FillMaskError("ONNX Runtime failed in a run: no memory")

    monkeypatch.setattr(Session, "_logits", fail)
    with pytest.raises(ArtifactError, match="does not run on two tokens: ONNX Runtime failed in a run: no memory"):
        Session(toys.hidden_size_graph(10), threads=1)


def test_a_graph_without_logits_does_not_load():
    with pytest.raises(ArtifactError, match="their last axis is 0"):
        Session(toys.hidden_size_graph(0), threads=1)


def test_a_session_knows_what_it_runs_on():
    session = Session(toys.native_graph(toys.tables(3)), threads=1)
    assert (session.providers, session.on_gpu) == (["CPUExecutionProvider"], False)
    assert session.takes_attention_mask
    assert set(session.nodes) <= {"CPUExecutionProvider"}


def test_where_onnx_runtime_does_not_report_its_nodes_there_are_none():
    session = Session(toys.native_graph(toys.tables(3)), threads=1)
    session.ort = object()
    assert session.nodes == {}


def test_another_process_is_refused_with_both_numbers_and_a_way_out(monkeypatch):
    session = Session(toys.native_graph(toys.tables(3)), threads=1)
    session.check_process()
    process = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: process + 1)
    pattern = rf"made in process {process} and does not survive a fork into {process + 1}; .*get_context\('spawn'\)"
    for use in (session.check_process, lambda: session.run(*pad([IDS], 0), MASKS)):
        with pytest.raises(ForkError, match=pattern):
            use()
    monkeypatch.setattr(os, "getpid", lambda: process)
    session.check_process()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # other tests leave threads, which the child does not use
def test_a_child_is_another_process_and_its_parent_is_not():
    session = Session(toys.native_graph(toys.tables(3)), threads=1)
    child = os.fork()
    if not child:
        try:
            session.check_process()
        except ForkError:
            os._exit(7)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
    session.check_process()
