import pytest

from fillmask.errors import InputError
from tests.unit.files.conftest import read_rows


@pytest.mark.parametrize("column", ["predictions", "error", "error_type", "warnings", "row"])
def test_a_column_of_the_result_in_the_input_is_refused(run, write, tmp_path, column):
    path = write("in.csv", [{"text": "[MASK] cat", column: "x"}])
    with pytest.raises(InputError, match=f"have a column '{column}', which the result needs"):
        run(path, tmp_path / "out")
    run(path, tmp_path / "out", keep="id")


def test_in_jsonl_such_a_column_costs_its_row_only(run, write, tmp_path):
    path = write("in.jsonl", [{"text": "[MASK] cat", "error": "mine"}, {"text": "[MASK] cat"}])
    assert run(path, tmp_path / "out.jsonl").errors == 1
    first, second = read_rows(tmp_path / "out.jsonl")
    assert "has a column 'error', which the result needs" in first["error"]
    assert "error" not in second


def test_row_may_be_the_id(run, write, tmp_path):
    path = write("in.jsonl", [{"text": "[MASK] cat", "row": "r1"}])
    run(path, tmp_path / "out.jsonl", id_column="row")
    assert read_rows(tmp_path / "out.jsonl")[0]["row"] == "r1"


def test_the_id_cannot_be_a_column_of_the_result(run, write, tmp_path):
    with pytest.raises(InputError, match="the id cannot be the column 'error'"):
        run(write("in.jsonl", [{"text": "a", "error": 1}]), tmp_path / "out", id_column="error", keep="id")


@pytest.mark.parametrize("keep", ["all", "id"])
def test_the_id_stands_in_place_of_the_row(run, write, tmp_path, keep):
    path = write("in.jsonl", [{"text": "[MASK] cat", "n": 7, "more": []}, {"text": "none", "n": 8}])
    run(path, tmp_path / "out.jsonl", id_column="n", keep=keep)
    first, second = read_rows(tmp_path / "out.jsonl")
    assert set(first) == ({"n", "predictions"} if keep == "id" else {"text", "n", "more", "predictions"})
    assert (first["n"], second["n"]) == (7, 8)


def test_json_values_come_back_as_they_are(run, tmp_path):
    line = '{"text": "[MASK] cat", "a": [1, 1.5, "ß", null, true, {"b": 12345678901234567890}], "c": "\\ud800"}'
    (tmp_path / "in.jsonl").write_text(line)
    run(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    (row,) = read_rows(tmp_path / "out.jsonl")
    assert row["a"] == [1, 1.5, "ß", None, True, {"b": 12345678901234567890}]
    assert row["c"] == "\ud800"
