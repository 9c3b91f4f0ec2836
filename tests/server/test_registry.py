"""The served models: how they are loaded, and how many rows they run together."""

import numpy as np
import pytest

from fillmask import FillMask
from fillmask.answering import Answerer, Ran, Row
from fillmask.server.registry import ServedModel, load


def test_models_are_loaded_on_the_providers_that_are_named():
    (model,) = load([], "auto", ["CPUExecutionProvider:use_arena=0"])
    assert model.fill_mask.__reduce__()[0].keywords["providers"] == [("CPUExecutionProvider", {"use_arena": "0"})]
    assert model.fill_mask.providers == ["CPUExecutionProvider"]


@pytest.mark.parametrize(("gpu", "tokens", "runs"), [(False, 512, 5), (True, 32_768, 1)])
def test_a_gpu_runs_more_together(monkeypatch, gpu, tokens, runs):
    ran = []
    monkeypatch.setattr(FillMask, "on_gpu", gpu)
    monkeypatch.setattr(Answerer, "forward", lambda _, rows: ran.append(len(rows)) or Ran([], np.empty(0, np.float32)))
    monkeypatch.setattr(Answerer, "decode", lambda *_: [[]] * ran[-1])
    model = ServedModel("toy", FillMask(threads=1))
    model.run([Row(np.zeros(500, np.int64), np.zeros(1, np.int64), single_mask=True)] * 40, None, 64)
    assert (model.on_gpu, model.max_batch_tokens, len(ran), sum(ran)) == (gpu, tokens, runs, 40)
