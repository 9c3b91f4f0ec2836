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


def test_tables_have_a_cell_for_every_model_and_the_interval_in_it(record):
    model = record["subjects"][0]
    value, low, high, n = model["found"]["minimal_pairs"]["accuracy"]
    (row,) = [row for row in tables.overview({**record, "subjects": [model] * 2}).splitlines() if "minimal" in row]
    cell = f"{value:.3f} ({low:.3f}–{high:.3f})"
    assert row == f"| minimal pairs decided rightly | {n:,} | {cell} | {cell} |"


def test_tables_of_some_tasks_leave_out_the_others(record):
    only = {**record["subjects"][0], "found": {"last_words": record["subjects"][0]["found"]["last_words"]}}
    table = tables.overview({**record, "subjects": [only]})
    assert [line.split(" | ")[0] for line in table.splitlines()[2:]] == [
        "| last words of passages predicted",
        "| … among the first five",
    ]
    assert not tables.details({**record, "subjects": [only]})
