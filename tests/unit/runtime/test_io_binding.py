"""On the CPU, whose memory stands for a device's, and whose buffers are views where a device's are copies."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from fillmask import FillMask
from fillmask.padding import pad
from fillmask.runtime import io_binding
from fillmask.runtime.providers import device_of
from fillmask.runtime.session import Session
from tests.support import toys

ROWS = [np.array([2, 5, 4, 9, 4, 3]), np.array([2, 7, 4, 4, 8, 3]), np.array([2, 4, 5, 4, 3])]
MASKS = [np.array([[2, 4]]), np.array([[2, 3]]), np.array([[1, 3]])]


@pytest.fixture
def bound(monkeypatch):
    monkeypatch.setattr("fillmask.runtime.session.device_of", lambda _: ("cpu", 0))
    return lambda **options: Session(toys.native_graph(toys.tables(3), **options), threads=1)


def logits(session, index):
    return session.run(*pad([ROWS[index]], 0), MASKS[index])


@pytest.mark.parametrize("ids", ["int64", "int32"])
def test_bound_runs_give_what_the_others_give(bound, ids):
    session, plain = bound(ids=ids), Session(toys.native_graph(toys.tables(3), ids=ids), threads=1)
    for index in (0, 1, 2, 0, 2, 1):
        np.testing.assert_array_equal(logits(session, index), logits(plain, index))


def test_what_was_given_is_kept_when_its_buffer_is_used_again(bound):
    session = bound()
    rows = [row.copy() for row in ROWS]
    first = logits(session, 0)
    before = first.copy()
    logits(session, 1)
    np.testing.assert_array_equal(first, before)
    for row, copy in zip(ROWS, rows, strict=True):  # nor are the texts written to
        np.testing.assert_array_equal(row, copy)


def test_a_buffer_is_made_once_for_a_shape(bound, monkeypatch):
    session, made = bound(), []
    make = io_binding.BoundRuns._make
    monkeypatch.setattr(io_binding.BoundRuns, "_make", lambda *args: made.append(args) or make(*args))
    for index in (0, 1, 0, 2, 1, 2):
        logits(session, index)
    assert len(made) == 2  # of six tokens, and of five


@pytest.mark.parametrize("limit", [("_MAX_KEPT", 1), ("_MAX_BYTES", 1)])
def test_buffers_are_given_up_beyond_a_limit_the_oldest_first(bound, monkeypatch, limit):
    monkeypatch.setattr(io_binding, *limit)
    session = bound()
    for index in (0, 2):
        logits(session, index)
    kept = [dict(each.shapes)["input_ids"] for each in session._bound._kept]
    assert kept == ([(1, 5)] if limit[0] == "_MAX_KEPT" else [])


def test_threads_share_it(bound):
    session = bound()
    alone = [logits(session, index) for index in range(3)]
    with ThreadPoolExecutor(8) as pool:
        indices = [0, 1, 2] * 100
        for index, found in zip(indices, pool.map(lambda index: logits(session, index), indices), strict=True):
            np.testing.assert_array_equal(found, alone[index])


def test_a_model_that_is_bound_predicts_the_same(native, native_folder, monkeypatch):
    monkeypatch.setattr("fillmask.runtime.session.device_of", lambda _: ("cpu", 0))
    engine, texts = FillMask(native_folder, variant="fp32", threads=1), ["[MASK]", "a [MASK] [MASK]", "b c [MASK]"]
    assert engine.model.session._bound is not None
    assert [engine.predict(text) for text in texts] == [native.predict(text) for text in texts]
    assert list(engine.predict_many(texts * 9, batch_size=4)) == [native.predict(text) for text in texts * 9]


def test_a_graph_that_scores_all_tokens_is_not_bound(foreign_folder, monkeypatch):
    monkeypatch.setattr("fillmask.runtime.session.device_of", lambda _: ("cpu", 0))
    assert FillMask(foreign_folder, threads=1).model.session._bound is None


@pytest.mark.parametrize(
    ("provider", "options", "device"),
    [
        ("CUDAExecutionProvider", {"device_id": "1"}, ("cuda", 1)),
        ("TensorrtExecutionProvider", {}, ("cuda", 0)),
        ("CPUExecutionProvider", {}, None),
        ("OpenVINOExecutionProvider", {"device_id": "1"}, None),
    ],
)
def test_buffers_lie_on_the_device_of_the_first_provider(provider, options, device):
    session = SimpleNamespace(
        get_providers=lambda: [provider, "CPUExecutionProvider"], get_provider_options=lambda: {provider: options}
    )
    assert device_of(session) == device
