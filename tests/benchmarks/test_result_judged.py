import pytest

from benchmarks.harness.records import Row
from benchmarks.harness.result import SuiteResult, judge
from fillmask.bench.ratios import Ratio

CONTEXT = {"git_commit": "abc", "dirty": False}
WATCH = {"foreign": 0.01, "steal": 0.0, "load_before": 0.1, "load_after": 3.0}
CASE = "tokens 32"
SOUND = {"controls": {CASE: Ratio(1, 0.97, 1.03)}, "rounds": {CASE: [1.0] * 15}}
FAILED = Row("transformers", "fp32", {}, "ms", [], failed="it ended")


def judged(profile="full", context=CONTEXT, watch=WATCH, **result):
    return judge(context, watch, SuiteResult(**SOUND | result), profile)


def test_a_quiet_run_of_committed_code_is_valid():
    assert judged() == ([], {})


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"watch": WATCH | {"foreign": 0.2}}, "0.2 of the machine's time went to other processes"),
        ({"watch": WATCH | {"steal": 0.03}}, "went to its host"),
        ({"watch": WATCH | {"load_before": 0.9}}, "0.9 cores were busy before"),
        ({"controls": {CASE: Ratio(1, 0.9, 1.1)}}, "tokens 32: the interval of a contender beside itself is ±10.0%"),
        ({"rounds": {CASE: [1.0] * 10 + [1.2] * 5}}, "tokens 32: values drifted by 1.20"),
        ({"rows": [FAILED]}, "transformers failed: it ended"),
        ({"gate": "accuracy was not measured"}, "accuracy was not measured"),
        ({"context": {"git_commit": "abc", "dirty": True}}, "not committed"),
        ({"context": {"git_commit": None, "dirty": None}}, "no git repository"),
    ],
)
def test_each_fault_has_its_reason(wrong, reason):
    (said,), unsettled = judged(**wrong)
    assert reason in said
    assert unsettled == {}


def test_a_case_that_is_not_settled_leaves_the_others():
    control, rounds = {"tokens 8": Ratio(1, 0.9, 1.1), "tokens 64": Ratio(1, 0.9, 1.1)}, {"tokens 8": [1.0, 1.2, 1.4]}
    found = judged(controls=SOUND["controls"] | control, rounds=SOUND["rounds"] | rounds)
    wide = "the interval of a contender beside itself is ±10.0%, more than 5%"
    drifted = "values drifted by 1.40 over the rounds, more than 1.1"
    assert found == ([], {"tokens 8": [wide, drifted], "tokens 64": [wide]})


def test_a_quick_run_may_be_of_code_at_work():
    assert judged("quick", context={"git_commit": "abc", "dirty": True}) == ([], {})
