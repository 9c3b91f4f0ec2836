import time

import numpy as np
import pytest

from benchmarks.contenders.instrumented import InstrumentedModel
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import Rounds
from benchmarks.suites import overhead
from fillmask.artifact.folder import EMBEDDED
from fillmask.shortcuts import huge_pages


@pytest.fixture(scope="module")
def model():
    return InstrumentedModel(EMBEDDED, "int8", 1)


def test_the_bare_run_gives_the_logits_of_the_call(model):
    text = "She drank a cup of [MASK]."
    (logits,) = model.bare_run(text)()
    assert logits.shape[:2] == (1, 1)
    assert int(np.argmax(logits)) == model.fill_mask.predict(text)[0][0].token


def test_the_run_inside_a_call_is_shorter_than_the_call(model):
    blocks = overhead.blocks(model, ["She drank a cup of [MASK]."], 5)
    whole, inside, outside = blocks["fillmask-int8"]()
    assert 0 < inside < whole
    assert 0 < outside < 1
    whole, inside, outside = blocks["floor-int8"]()
    assert (whole, outside) == (inside, 0)


def test_work_of_ours_is_counted_and_not_that_of_the_run(model, monkeypatch):
    predict = model.fill_mask.predict
    monkeypatch.setattr(model.fill_mask, "predict", lambda text: (predict(text), time.sleep(0.05)))
    blocks = overhead.blocks(model, ["She drank a cup of [MASK]."], 3)
    whole, inside, outside = blocks["fillmask-int8"]()
    assert whole - inside > 50
    assert outside > 0.5


def test_runs_are_timed_after_the_memory_has_moved_to_huge_pages(monkeypatch):
    moved = []
    monkeypatch.setattr(huge_pages, "collapse", lambda before: (time.sleep(0.2), moved.append(before)))
    InstrumentedModel(EMBEDDED, "int8", 1).bare_run("She drank a cup of [MASK].")
    assert len(moved) == 1


def test_an_engine_that_runs_otherwise_is_an_error(model, monkeypatch):
    monkeypatch.setattr(model.fill_mask, "predict", lambda text: [])
    with pytest.raises(RuntimeError, match=r"without session\.run"):
        model.bare_run("She drank a cup of [MASK].")


def test_a_record_holds_the_ratio_the_steps_and_the_control():
    found, blocks = SuiteResult(), {"fillmask-int8": [(3.0, 2.6, 0.13)] * 4, "floor-int8": [(2.5, 2.5, 0.0)] * 4}
    overhead._add(found, Rounds(blocks | {"floor-int8-again": [(2.5, 2.5, 0.0)] * 4}, {}), 32)
    (made,) = found.comparisons
    assert made.ratio == pytest.approx(1 / 1.2)
    assert made.claim == "slower"
    samples = {(row.contender, row.case.get("step")): row.samples for row in found.rows}
    assert samples["fillmask-int8", "outside"] == [0.13] * 4
    assert samples["fillmask-int8", "run"] == [2.6] * 4
