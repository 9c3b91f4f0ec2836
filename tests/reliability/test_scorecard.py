"""The rows of the scorecard work, on a small scale; and a row says so where something is wrong."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "server"))

import load_rows
import scorecard
from rows import Row, Scale

SMALL = Scale(0.01)
QUICK = ("connects", "disconnects", "corrupted", "budgets", "curated", "hardships")


@pytest.mark.parametrize("name", QUICK)
def test_a_row_passes_on_a_small_scale(name):
    for row in scorecard.MEASURES[name](SMALL):
        assert row.passed, row


@pytest.mark.slow
@pytest.mark.parametrize("name", ["steady", "endings", "deadlines", "slow_clients", "generated", "locks"])
def test_a_longer_row_passes_on_a_small_scale(name):
    for row in scorecard.MEASURES[name](SMALL):
        assert row.passed, row


@pytest.mark.slow
def test_a_leak_of_a_kilobyte_a_request_is_found():
    slope, requests, _ = load_rows._slope(4, 4096)
    assert requests > 100
    assert slope > 10


def test_the_page_shows_what_was_measured():
    record = {
        "machine": {"date": "2026-01-01", "threads": 2, "cpu": "CPU"},
        "rows": {"steady": [vars(Row("load", "a", "b", "c", True))], "soak": [vars(Row("load", "d", "e", "f", False))]},
    }
    page = scorecard.with_table(f"before\n{scorecard.START}\nold\n{scorecard.END}\nafter\n", record)
    assert page.startswith("before\n")
    assert page.endswith("\nafter\n")
    assert "old" not in page
    assert "| load | a | b | c | yes |" in page
    assert "| load | d | e | f | **no** |" in page
    assert "1 of 2 passed" in page
