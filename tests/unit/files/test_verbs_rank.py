"""``rank`` on files, beside the model itself."""

import csv

import pytest

from fillmask.errors import InputError
from fillmask.results import as_json
from tests.unit.files.conftest import read_rows

TEXTS = ["the [MASK] sat on the [MASK].", "none", "[MASK]"]
PARAMETERS = {"candidates": ["cat", "dogs"], "normalize": "pieces"}


@pytest.fixture
def path(write):
    return write("in.jsonl", [{"text": text} for text in TEXTS])


def test_jsonl_holds_what_the_model_gives(run, native, path, tmp_path):
    totals = run(path, tmp_path / "out.jsonl", "rank", parameters=PARAMETERS)
    rows = read_rows(tmp_path / "out.jsonl")
    assert (totals.rows, totals.errors) == (3, 1)
    assert rows[1]["error_type"] == "NoMaskError"
    for index in (0, 2):
        for got, expected in zip(rows[index]["ranking"], as_json(native.rank(TEXTS[index], **PARAMETERS)), strict=True):
            for one, other in zip(got, expected, strict=True):
                assert one == pytest.approx(other, abs=1e-4) if isinstance(one, float) else one.keys() == other.keys()
                assert (one["text"], one["token_ids"], one["start"]) == (
                    other["text"], other["token_ids"], other["start"]
                )  # fmt: skip
                assert one["log_prob"] == pytest.approx(other["log_prob"], abs=1e-4)


def test_csv_has_a_line_for_each_candidate(run, path, tmp_path):
    run(path, tmp_path / "out.jsonl", "rank", parameters=PARAMETERS)
    run(path, tmp_path / "out.csv", "rank", parameters=PARAMETERS)
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["row"] == "0"]
    nested = read_rows(tmp_path / "out.jsonl")[0]["ranking"]
    assert [(line["mask"], line["rank"], line["candidate"]) for line in lines] == [
        (str(slot), str(place), each["text"])
        for slot, candidates in enumerate(nested, start=1)
        for place, each in enumerate(candidates, start=1)
    ]
    assert "token_ids" not in lines[0]


def test_parquet_holds_what_jsonl_holds(run, path, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    run(path, tmp_path / "out.jsonl", "rank", parameters=PARAMETERS)
    run(path, tmp_path / "out.parquet", "rank", parameters=PARAMETERS)
    rows = read_rows(tmp_path / "out.jsonl")
    assert parquet.read_table(tmp_path / "out.parquet")["ranking"].to_pylist() == [row.get("ranking") for row in rows]


def test_wrong_parameters_are_refused(run, path, tmp_path):
    with pytest.raises(InputError, match="rank takes no parameter 'top_k'; it takes candidates, method, normalize"):
        run(path, tmp_path / "out.jsonl", "rank", parameters={"top_k": 3})
    with pytest.raises(InputError, match="candidates"):
        run(path, tmp_path / "out2.jsonl", "rank", parameters={"candidates": []})
    with pytest.raises(InputError, match="candidates must have at least one string"):
        run(path, tmp_path / "out3.jsonl", "rank", parameters={})
