from functools import partial
from statistics import median

import pytest

from benchmarks.device import DEVICES
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import Rounds

CASE = {"tokens": 32}
CONTROL = ("ours", "again")
TIMES = {"ours": [1.1, 2.2, 1.1], "again": [1.1, 2.2, 1.1], "floor": [1.0, 2.0, 1.0]}


@pytest.mark.parametrize(("unit", "ratio"), [("ms", 1 / 1.1), ("s", 1 / 1.1), ("texts/s", 1.1), ("MB", 1.1)])
def test_the_unit_decides_the_direction_of_a_ratio(unit, ratio):
    result = SuiteResult()
    result.compare(CASE, unit, TIMES, control=CONTROL, pairs=[("ours", "floor")])
    (made,) = result.comparisons
    assert made.ratio == pytest.approx(ratio)
    assert (made.aa_low, made.aa_high) == (1.0, 1.0)
    assert made.claim == ("faster" if unit == "texts/s" else "slower")
    assert result.controls["tokens 32"].value == 1
    assert result.rounds["tokens 32"] == pytest.approx([1.1, 1.1, 1.1])


def test_a_ratio_within_the_noise_of_the_control_claims_nothing():
    result = SuiteResult()
    values = {"ours": [1.1, 1.1], "again": [0.9, 0.9], "floor": [1.0, 1.0]}
    result.compare(CASE, "ms", values, control=CONTROL, pairs=[("ours", "floor")])
    assert result.comparisons[0].claim == "none"


def test_counted_values_have_no_control_that_could_invalidate_them():
    result = SuiteResult()
    values = {"ours": [2.0], "theirs": [8.0]}
    result.compare({}, "MB", values, control=None, pairs=[("ours", "theirs")])
    assert result.comparisons[0].ratio == 0.25
    assert result.comparisons[0].claim == "faster"
    assert not result.controls


def test_contenders_that_failed_are_not_compared():
    result = SuiteResult()
    values = {"ours": [1.0], "again": [1.0], "floor": []}
    result.compare(CASE, "ms", values, control=CONTROL, pairs=[("ours", "floor"), ("ours", "nobody")])
    result.compare(CASE, "ms", values | {"again": []}, control=CONTROL, pairs=[("ours", "again")])
    assert not result.comparisons


def test_the_ratio_that_must_not_drift_is_that_of_the_controls_contender():
    result = SuiteResult()
    values = {"fillmask-fp32": [1.0], "transformers": [8.0], "fillmask-int8": [2.0], "fillmask-int8-again": [2.0]}
    result.compare(CASE, "ms", values, control=("fillmask-int8", "fillmask-int8-again"))
    assert result.rounds["tokens 32"] == [0.25]


def test_rows_have_settings_and_failures_their_reasons():
    result = SuiteResult(device=DEVICES["cuda"])
    rounds = Rounds({"fillmask-fp16": [1.0]}, {"transformers": "out of memory"})
    result.add(CASE, "ms", rounds, {"fillmask-fp16": {"threads": 1}})
    ours, theirs = result.rows
    assert (ours.precision, ours.settings, ours.samples) == ("fp16", {"threads": 1}, [1.0])
    assert (theirs.precision, theirs.failed, theirs.samples) == ("fp16", "out of memory", [])
    assert result.failures() == ["transformers failed: out of memory"]
    result.add(CASE, "ms", Rounds({"library": [1.0]}, {}), precision="int8")
    assert result.rows[-1].precision == "int8"


def test_a_case_is_run_in_the_rounds_of_the_parameters():
    result, times = SuiteResult({"rounds": 3}), {"ours": [2.0, 4.0], "again": [3.0], "theirs": [6.0]}
    blocks = {name: partial(list, calls) for name, calls in times.items()}
    result.run(CASE, "ms", blocks, control=CONTROL, value=median, failed={"gone": "it ended"})
    rows = {row.contender: row for row in result.rows}
    assert rows["ours"].samples == [[2.0, 4.0]] * 3
    assert rows["gone"].failed == "it ended"
    assert result.controls["tokens 32"].value == 1
