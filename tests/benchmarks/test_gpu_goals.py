from dataclasses import replace

from benchmarks.contenders.gpu_ import FP32, OURS, PEAK, REFERENCE, Device
from benchmarks.harness.records import Row
from benchmarks.measures.gpu_goals import goals
from tests.support.invented import compare, record

CPU, CUDA = Device("CPUExecutionProvider"), Device("CUDAExecutionProvider")


def measured(ratio, share=0.4, **changes):
    """A record in which fillmask is so many times as fast as transformers, and gives 0.4 of the peak."""
    ways = {"one text": REFERENCE, "best batches": REFERENCE, "run of 32": PEAK}
    cases = {way: {"tokens": 128, "way": way} for way in ways}
    rows = [Row(OURS, "fp16", case, "ms", [1.0]) for case in cases.values()]
    for name in (OURS, FP32):
        for what, value in (("max score difference", 5e-4), ("first as likely", 1.0)):
            rows.append(Row(name, "", {"measure": what, "way": "one text"}, "share", [value]))
    comparisons = [compare(OURS, other, cases[way], share if other == PEAK else ratio) for way, other in ways.items()]
    made = record("gpu", params={"tolerances": {"fp16": 1e-2, "fp32": 1e-4}, "refused": {}}, rows=rows)
    return replace(made, **{"comparisons": comparisons} | changes)


def verdicts(made, device=CUDA):
    return [line.split(" | ")[2:] for line in goals(made, device).splitlines()[2:]]


def test_goals_are_met_by_the_whole_interval():
    accuracy, likely, full, all_likely, alone, many, share = verdicts(measured(3.2))
    assert (accuracy[1], likely[1]) == ("met |", "met |")
    assert (full[1], all_likely[1]) == ("**not met** |", "met |")  # fp32 differs by more than its tolerance
    assert alone == ["0.312 [0.303, 0.322]", "met |"]
    assert many == ["3.200 [3.104, 3.296]", "met |"]
    assert share == ["0.400 [0.388, 0.412]", " |"]
    assert [each[1] for each in verdicts(measured(2.85))[4:6]] == ["**not met** |", "met |"]
    assert [each[1] for each in verdicts(measured(2.0))[4:6]] == ["**not met** |", "**not met** |"]


def test_without_a_gpu_or_where_a_run_may_not_be_believed_no_goal_is_met():
    assert [each[1] for each in verdicts(measured(3.2), CPU)[4:]] == ["*no GPU* |"] * 3
    doubted = measured(3.2, valid=False, invalid_reasons=["it was busy"])
    assert [each[1] for each in verdicts(doubted)[4:6]] == ["*not valid* |"] * 2
    unsettled = measured(3.2, unsettled={"tokens 128, way one text": ["wide"]})
    assert [each[1] for each in verdicts(unsettled)[4:6]] == ["*not settled* |", "met |"]
    assert verdicts(measured(3.2, comparisons=[]))[4][1].startswith("*failed: transformers or the control")
