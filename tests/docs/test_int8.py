"""What docs/int8.md concludes of the times of the schemes is what their record gives."""

from pathlib import Path
from statistics import median

from benchmarks.harness.records import RESULTS, findings

PAGE = " ".join((Path(__file__).parents[2] / "docs" / "int8.md").read_text("utf-8").split())
TIMES = [
    times for model in findings(RESULTS / "schemes.json")["models"].values() for times in model["times_ms"].values()
]


def percent_more(*pairs):
    """The least and the most that a scheme takes more than another, over models and lengths: medians of the rounds."""
    ratios = [
        median(ours / theirs for ours, theirs in zip(times[one], times[other], strict=True))
        for times in TIMES
        for one, other in pairs
    ]
    return round(100 * min(ratios) - 100), round(100 * max(ratios) - 100)


def test_the_treatment_takes_a_little_more_time():
    assert "The treatment takes {} to {} % more time.".format(*percent_more(("shipped", "min_max"))) in PAGE


def test_a_scale_a_token_takes_more_time_than_a_fixed_one_with_and_without_the_treatment():
    more = percent_more(("token", "min_max"), ("token_smooth", "shipped"))
    assert "A scale a token takes {} to {} % more time than a fixed one.".format(*more) in PAGE


def test_a_fixed_scale_without_the_treatment_is_the_fastest_of_int8():
    others = TIMES[0].keys() - {"plain", "lean", "min_max"}
    assert all(percent_more((other, "min_max"))[0] >= 0 for other in others)
