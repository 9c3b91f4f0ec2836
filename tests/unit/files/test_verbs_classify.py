"""``classify`` on files, beside the model itself."""

import csv
from dataclasses import asdict

import pytest

from tests.unit.files.conftest import read_rows

TEXTS = ["the cat", "cat " * 30, "in london"]
PARAMETERS = {"labels": {"animal": ["cat", "dogs"], "color": ["red"]}, "template": ["{text} is a [MASK]"]}


@pytest.fixture
def path(write):
    return write("in.jsonl", [{"text": text} for text in TEXTS])


@pytest.mark.parametrize("given_as", [None, asdict, lambda prior: prior])
def test_every_format_holds_what_the_model_gives(run, native, path, tmp_path, given_as):
    prior = native.fit_prior(**PARAMETERS) if given_as else None
    parameters = PARAMETERS | ({"prior": given_as(prior)} if given_as else {})
    totals = run(path, tmp_path / "out.jsonl", "classify", parameters=parameters)
    rows = read_rows(tmp_path / "out.jsonl")
    assert (totals.rows, totals.errors) == (3, 1)
    assert rows[1]["error_type"] == "TooLongError"
    for index in (0, 2):
        expected = native.classify(TEXTS[index], **PARAMETERS, prior=prior)
        for got, label in zip(rows[index]["labels"], expected, strict=True):
            assert (got["label"], got["prior"]) == (label.label, label.prior)
            assert got["score"] == pytest.approx(label.score, abs=1e-5)
            assert got["log_prob"] == pytest.approx(label.log_prob, abs=1e-4)
    run(path, tmp_path / "out.csv", "classify", parameters=parameters)
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["row"] == "0"]
    assert [(line["rank"], line["label"]) for line in lines] == [
        (str(place), each["label"]) for place, each in enumerate(rows[0]["labels"], start=1)
    ]
    parquet = pytest.importorskip("pyarrow.parquet")
    run(path, tmp_path / "out.parquet", "classify", parameters=parameters)
    assert parquet.read_table(tmp_path / "out.parquet")["labels"].to_pylist() == [row.get("labels") for row in rows]


def test_a_prior_and_its_fields_are_the_same_job(run, native, path, tmp_path):
    prior = native.fit_prior(**PARAMETERS)
    first = run(path, tmp_path / "out", "classify", parameters=PARAMETERS | {"prior": prior})
    states = []
    again = PARAMETERS | {"prior": asdict(prior)}
    assert run(path, tmp_path / "out", "classify", parameters=again, report=states.append) == first
    assert not states
