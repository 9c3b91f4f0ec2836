from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.results import ratio

README = Path(__file__).parents[2] / "README.md"


def test_the_numbers_in_the_readme_are_those_of_the_results():
    readme = README.read_text(encoding="utf-8")
    assert report.with_numbers(readme) == readme


def test_only_what_stands_between_the_markers_is_written_again():
    readme = f"before\n{report._START}\nold\n{report._END}\nafter\n"
    written = report.with_numbers(readme)
    assert written.startswith("before\n")
    assert written.endswith("\nafter\n")
    assert "old" not in written
    assert "process start to first answer" in written


def test_a_ratio_is_the_median_over_rounds_whatever_disturbed_one_of_them():
    assert ratio([1.0, 2.0, 90.0], [10.0, 20.0, 30.0]) == 0.1


def test_rounds_without_their_counterpart_are_refused():
    with pytest.raises(ValueError, match="zip"):
        ratio([1.0], [1.0, 2.0])
