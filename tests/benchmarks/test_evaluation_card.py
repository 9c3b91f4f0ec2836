"""The embedded model's card shows results/cloze.json, measured with the embedded files."""

from __future__ import annotations

import json

import pytest

from benchmarks.evaluation import tables
from benchmarks.harness.records import RESULTS, findings
from fillmask.artifact.folder import EMBEDDED

CARD = "# a model\n\nBertForMaskedLM.\n\n## Verification\n\nWell.\n"


@pytest.fixture(scope="module")
def record():
    return findings(RESULTS / "cloze.json")


def test_the_numbers_in_the_card_are_those_of_the_results(record):
    card = (EMBEDDED / "README.md").read_text(encoding="utf-8")
    assert tables.START in card, "the card has no such tables; run `make cloze`"
    assert tables.with_tables(card, record) == card


def test_the_results_are_those_of_the_embedded_files(record):
    listed = json.loads((EMBEDDED / "fillmask.json").read_text(encoding="utf-8"))["files"]
    files = record["subjects"][0]["files"]
    assert files == {name: entry["sha256"] for name, entry in listed.items() if ".onnx" in name}, "run `make cloze`"
    assert record["texts"] == "kept"


def test_a_card_without_tables_gets_them_before_its_verification(record):
    card = tables.with_tables(CARD, record)
    assert card.index("BertForMaskedLM.") < card.index(tables.START) < card.index(tables.END)
    assert card.endswith(f"{tables.END}\n\n## Verification\n\nWell.\n")
    assert tables.with_tables(card, record) == card


def test_a_table_has_the_interval_of_each_measure(record):
    value, low, high, n = record["subjects"][0]["found"]["minimal_pairs"]["original"]["accuracy"]
    (row,) = [row for row in tables.overview(record).splitlines() if "minimal" in row]
    assert row == f"| minimal pairs of BLiMP decided rightly, `original` | {n:,} | {value:.3f} ({low:.3f}–{high:.3f}) |"
