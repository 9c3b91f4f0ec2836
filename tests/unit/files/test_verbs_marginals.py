"""``marginals`` on files, beside the model itself."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from fillmask.errors import InputError
from fillmask.files.verbs import VERBS
from fillmask.tasks.marginals import Marginals
from tests.unit.files.conftest import read_rows

TEXTS = ["the cat sat", "", "dog"]
ALPHABET = ["cat", "dog", "mat"]


@pytest.fixture
def path(write):
    return write("in.jsonl", [{"text": text} for text in TEXTS])


def test_nested_it_is_the_matrix_with_its_names(run, native, path, tmp_path):
    totals = run(path, tmp_path / "out.jsonl", "marginals", parameters={"alphabet": ALPHABET})
    first, second, third = read_rows(tmp_path / "out.jsonl")
    assert (totals.errors, second["error"]) == (1, "the text has no token to read")
    for row, text in ((first, TEXTS[0]), (third, TEXTS[2])):
        wanted = native.marginals(text, alphabet=ALPHABET)
        assert row["marginals"]["tokens"] == list(wanted.tokens)
        assert row["marginals"]["alphabet"] == list(wanted.alphabet) == ALPHABET
        np.testing.assert_allclose(row["marginals"]["log_probs"], wanted.log_probs, atol=1e-4)


def test_flat_it_is_a_record_for_each_position_and_letter(run, native, path, tmp_path):
    run(path, tmp_path / "out.csv", "marginals", parameters={"alphabet": ALPHABET}, keep="id")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["row"] == "0"]
    wanted = native.marginals(TEXTS[0], alphabet=ALPHABET)
    assert [(line["position"], line["text_token"], line["alphabet_token"]) for line in lines] == [
        (str(position), token, letter) for position, token in enumerate(wanted.tokens, 1) for letter in ALPHABET
    ]
    np.testing.assert_allclose([float(line["log_prob"]) for line in lines], wanted.log_probs.ravel(), atol=1e-4)


def test_parquet_has_the_types_of_the_table(run, path, tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    run(path, tmp_path / "out.parquet", "marginals", parameters={"alphabet": ALPHABET})
    kind = parquet.read_schema(tmp_path / "out.parquet").field("marginals").type
    assert kind.field("log_probs").type == arrow.list_(arrow.list_(arrow.float32()))


def test_a_number_that_is_not_finite_is_none():
    value = Marginals(("a",), ("b", "c"), np.array([[-np.inf, -1.0]], np.float32), wild=None)
    assert VERBS["marginals"].nest(value)["log_probs"] == [[None, -1.0]]


def test_a_model_of_words_needs_an_alphabet_before_it_runs(run, path, runs, monkeypatch):
    monkeypatch.setattr("fillmask.matrix_columns.MOST_COLUMNS", 5)
    message = "each would be a column; name the characters to read with the parameter alphabet"
    for options in ({}, {"parameters": {"alphabet": None}}, {"parameters": {"truncation": "window"}, "flat": True}):
        with pytest.raises(InputError, match=message):
            run(path, "out", "marginals", **options)
    assert (runs, Path("out").exists()) == ([], False)
    assert run(path, "out", "marginals", parameters={"alphabet": ALPHABET}).errors == 1


def test_a_row_cannot_ask_for_the_whole_vocabulary_either(run, tmp_path, monkeypatch):
    monkeypatch.setattr("fillmask.matrix_columns.MOST_COLUMNS", 5)
    lines = [{"inputs": "cat"}, {"inputs": "cat", "parameters": {"alphabet": None}}]
    (tmp_path / "requests.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run("requests.jsonl", tmp_path / "out.jsonl", "marginals", parameters={"alphabet": ALPHABET})
    first, second = read_rows(tmp_path / "out.jsonl")
    assert first["marginals"]["alphabet"] == ALPHABET
    assert "each would be a column" in second["error"]
