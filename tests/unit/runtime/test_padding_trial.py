"""Whether padding leaves every bit of an attention: a trial of the kernels of this machine."""

import numpy as np
import onnxruntime as ort
import pytest

from fillmask.runtime import padding_trial
from fillmask.runtime.padding_trial import GRAPH, padding_keeps_bits


@pytest.fixture
def trial():
    """The trial, run anew."""
    padding_keeps_bits.cache_clear()
    yield padding_keeps_bits
    padding_keeps_bits.cache_clear()


class Session:
    """Attention of two heads in numpy. The weights of padding are left out, so that the sums are the same."""

    def __init__(self, error):
        self.error = error

    def run(self, _, feeds):
        (queries,), (keys,), mask = feeds["q"], feeds["k"], feeds["mask"][0, 0]
        known = mask[0] == 0
        heads = []
        for head in np.split(np.arange(keys.shape[1]), 2):
            scores = queries[:, head] @ keys[known][:, head].T
            weights = np.exp(scores - scores.max(axis=1, keepdims=True))
            heads.append(weights / weights.sum(axis=1, keepdims=True) @ keys[known][:, head])
        return [np.concatenate(heads, axis=1)[None] + np.float32(self.error * (~known).any())]


@pytest.mark.parametrize(("error", "kept"), [(0.0, True), (1e-6, False)])
def test_a_last_digit_that_follows_padding_is_found(trial, monkeypatch, error, kept):
    monkeypatch.setattr(ort, "InferenceSession", lambda *_, **__: Session(error))
    # The fake multiplies all queries at once; only those of the text are compared.
    monkeypatch.setattr(padding_trial, "_LENGTHS", (5,))
    monkeypatch.setattr(Session, "run", run_each(Session.run))
    assert trial() is kept


def run_each(run):
    """Run one query at a time, so that numpy's own products do not depend on their number."""

    def each(session, _, feeds):
        rows = [
            run(session, None, feeds | {"q": feeds["q"][:, [at]], "mask": feeds["mask"][:, :, [at]]})[0]
            for at in range(feeds["q"].shape[1])
        ]
        return [np.concatenate(rows, axis=1)]

    return each


def test_the_kernels_of_this_machine_are_tried_once(trial, monkeypatch):
    first = trial()
    monkeypatch.setattr(ort, "InferenceSession", None)
    assert trial() is first


def test_the_graph_is_the_one_that_its_script_makes():
    if pytest.importorskip("onnx").defs.onnx_opset_version() < 23:
        pytest.skip("this onnx does not know Attention")
    from tests.support import attention

    assert GRAPH.read_bytes() == attention.make()
