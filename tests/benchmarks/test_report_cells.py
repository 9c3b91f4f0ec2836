"""Numbers as the pages show them."""

import pytest

from benchmarks.harness.records import Row
from benchmarks.report.cells import cell, enough_for, interval, number, table
from tests.support import invented


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.9691, "share", "96.9 %"),
        (1.23e-6, "share", "1.2e-06"),
        (0.0, "share", "0"),
        (0.0, "ms", "0"),
        (1.9, "ms", "1.90"),
        (12.345, "ms", "12.3"),
        (99.96, "ms", "100"),
        (123.4, "ms", "123"),
        (1234567, "bytes", "1,230,000"),
        (0.0123, "s", "0.0123"),
    ],
)
def test_numbers_have_three_digits_that_count(value, unit, shown):
    assert number(value, unit) == shown


@pytest.mark.parametrize(
    ("calls", "shown"), [(10, "— / — / —"), (11, "1.00 / — / —"), (64, "1.00 / 1.00 / —"), (661, "1.00 / 1.00 / —"),
                         (662, "1.00 / 1.00 / 1.00")]
)  # fmt: skip
def test_a_percentile_is_shown_where_there_are_enough_calls(calls, shown):
    assert cell(Row("a", "fp32", {}, "ms", [[1.0] * calls])) == shown


def test_values_of_rounds_give_their_median():
    assert cell(Row("a", "fp32", {}, "texts/s", [100.0, 300.0, 200.0])) == "200"


@pytest.mark.parametrize(
    ("ratio", "claim", "shown"),
    [
        (2.31, "faster", "2.31× [2.24, 2.38]"),
        (0.069, "faster", "0.069× [0.067, 0.071]"),
        (0.99, "none", "0.99× [0.96, 1.02] *no difference*"),
    ],
)
def test_a_ratio_stands_with_its_interval(ratio, claim, shown):
    assert interval(invented.compare("a", "b", {}, ratio, claim=claim)) == shown


def test_a_ratio_of_what_is_counted_has_no_interval():
    assert interval(invented.Comparison("a", "b", {}, 0.12, 0.12, 0.12, 1.0, 1.0, "faster")) == "0.120×"


def test_a_table_is_markdown():
    assert table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | --: |\n| x | 1 |"


@pytest.mark.parametrize(("q", "n"), [(50, 11), (90, 64), (99, 662)])
def test_the_least_number_of_calls_for_a_percentile_is_mlperfs(q, n):
    assert enough_for(q, n)
    assert not enough_for(q, n - 1)
    assert not enough_for(q, 0)
