import pytest

from fillmask.errors import InputError
from tests.unit.files.conftest import parts, read_rows


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


def test_several_files_are_one_job_and_named(run, write, rows, tmp_path):
    first, second = write("a.csv", rows(5)), write("b.csv", rows(7))
    run([second, first], tmp_path / "out", rows_per_part=4, keep="id")
    got = read_rows(tmp_path / "out")
    assert [(row["file"], row["row"]) for row in got] == [
        *(("b.csv", index) for index in range(7)),
        *(("a.csv", index) for index in range(5)),
    ]


def test_a_part_that_is_made_from_another_folder_has_the_same_bytes(run, write, rows, tmp_path, monkeypatch):
    for folder in ("one", "two"):
        (tmp_path / "data" / folder).mkdir(parents=True)
        write(f"data/{folder}/a.csv", rows(6))
    out = tmp_path / "out"
    run(["data/one/a.csv", "data/two/a.csv"], out, rows_per_part=5)
    assert [row["file"] for row in read_rows(out)] == ["one/a.csv"] * 6 + ["two/a.csv"] * 6
    before = parts(out)
    (out / "part-000001.jsonl").unlink()
    monkeypatch.chdir(tmp_path / "data/one")
    run(["a.csv", tmp_path / "data/two"], out, rows_per_part=5)
    assert parts(out) == before


def test_a_warning_is_in_its_row_and_counted(run, write, tmp_path):
    path = write("in.jsonl", [{"text": "[MASK] " + "cat " * 30 + "[MASK]"}, {"text": "[MASK] cat"}])
    totals = run(path, tmp_path / "out.jsonl", parameters={"truncation": "right"})
    first, second = read_rows(tmp_path / "out.jsonl")
    assert totals.warnings == 1
    assert "cut off 1 of the text's 2 masks" in first["warnings"][0]
    assert "warnings" not in second
