import datetime
import decimal
import json

import pytest

from fillmask.errors import InputError, JobError
from fillmask.files.parquet import ParquetReader
from tests.unit.files.conftest import read_rows

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

DAY = datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)


def table(count=3):
    """A column of many types, nulls among them."""
    return arrow.table(
        {
            "text": arrow.array(["[MASK] cat", None, "none"] * count).dictionary_encode(),
            "large": arrow.array(["a", None, "ß"] * count, arrow.large_string()),
            "nanoseconds": arrow.array([1, None, 10**18 + 1] * count, arrow.timestamp("ns")),
            "zoned": arrow.array([DAY, None, DAY] * count, arrow.timestamp("us", "UTC")),
            "money": arrow.array([decimal.Decimal("1.50"), None, decimal.Decimal("-2.25")] * count),
            "bytes": arrow.array([b"\xff", None, b""] * count),
            "struct": arrow.array([{"a": 1, "b": [1.5]}, None, {"a": None, "b": []}] * count),
            "map": arrow.array([[("k", 1)], None, []] * count, arrow.map_(arrow.string(), arrow.int8())),
            "number": arrow.array([float("nan"), None, float("inf")] * count),
            "nothing": arrow.nulls(3 * count),
        }
    )


def test_kept_columns_have_the_types_and_values_of_the_input(run, tmp_path):
    parquet.write_table(table(), tmp_path / "in.parquet")
    run(tmp_path / "in.parquet", tmp_path / "out.parquet", rows_per_part=4)
    got, source = parquet.read_table(tmp_path / "out.parquet"), table()
    for name in source.column_names:
        wanted = source[name].combine_chunks()
        wanted = wanted.dictionary_decode() if name == "text" else wanted
        assert got[name].type == wanted.type
        column = got[name].combine_chunks()
        assert column.to_string() == wanted.to_string() if name == "number" else column.equals(wanted)
    assert got["error_type"].to_pylist() == [None, "TextError", "NoMaskError"] * 3
    assert got.schema.field("predictions").type == arrow.list_(
        arrow.list_(
            arrow.struct(
                [
                    ("score", arrow.float32()),
                    ("token", arrow.int64()),
                    ("token_str", arrow.string()),
                    ("sequence", arrow.string()),
                ]
            )
        )
    )


def test_flat_kept_columns_are_repeated(run, tmp_path):
    parquet.write_table(table(1), tmp_path / "in.parquet")
    run(tmp_path / "in.parquet", tmp_path / "out.parquet", flat=True, parameters={"top_k": 2})
    got = parquet.read_table(tmp_path / "out.parquet")
    assert got["row"].to_pylist() == [0, 0, 1, 2]
    assert got["rank"].to_pylist() == [1, 2, None, None]
    assert got["score"].type == arrow.float32()


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv"])
def test_every_type_can_be_written_as_text(run, tmp_path, name):
    parquet.write_table(table(1), tmp_path / "in.parquet")
    run(tmp_path / "in.parquet", tmp_path / name, parameters={"top_k": 1})
    if name == "out.csv":
        return
    first, second, third = read_rows(tmp_path / name)
    assert {key: first[key] for key in ("bytes", "struct", "map", "money", "number")} == {
        "bytes": "/w==",
        "struct": {"a": 1, "b": [1.5]},
        "map": [["k", 1]],
        "money": "1.50",
        "number": None,
    }
    assert second["zoned"] is None
    assert third["nanoseconds"].startswith("2001-09-09")
    assert first["zoned"].startswith("2020-01-02 03:04:05")


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv"])
def test_values_that_python_lacks_are_text_and_end_no_job(run, tmp_path, name):
    late, nanoseconds = 3 * 10**11, arrow.timestamp("ns")
    columns = {
        "text": arrow.array(["[MASK] cat", "none"]),
        "nested": arrow.array([[10**18 + 1], None], arrow.list_(nanoseconds)),
        "late": arrow.array([late, None], arrow.timestamp("s")),
        "zoned": arrow.array([late, 0], arrow.timestamp("ms", "Nowhere/Land")),
        "map": arrow.array([[("k", float("nan"))], []], arrow.map_(arrow.string(), arrow.float64())),
        "struct": arrow.StructArray.from_arrays([arrow.array([1, 2]), arrow.array(["x", None])], names=["a", "a"]),
    }
    parquet.write_table(arrow.table(columns), tmp_path / "in.parquet")
    totals = run(tmp_path / "in.parquet", tmp_path / name, parameters={"top_k": 1})
    assert (totals.rows, totals.errors) == (2, 1)
    if name == "out.jsonl":
        first, second = read_rows(tmp_path / name)
        assert first["nested"] == ["2001-09-09 01:46:40.000000001"]
        assert first["late"].startswith("11476-")
        assert (first["map"], first["struct"]) == ([["k", None]], [["a", 1], ["a", "x"]])
        assert (second["zoned"], second["map"]) == ("1970-01-01 00:00:00.000Z", [])


def test_a_text_that_python_lacks_is_an_error_of_its_row(run, tmp_path):
    times = arrow.array([3 * 10**11, 0], arrow.timestamp("s", "Nowhere/Land"))
    parquet.write_table(arrow.table({"text": times}), tmp_path / "in.parquet")
    run(tmp_path / "in.parquet", tmp_path / "out.jsonl")
    assert [row["error_type"] for row in read_rows(tmp_path / "out.jsonl")] == ["TextError"] * 2


def test_an_empty_part_and_a_part_of_errors_have_the_schema_of_others(run, write, tmp_path):
    path = write("in.jsonl", [{"text": "none"}, {"text": "[MASK] cat"}])
    run(path, tmp_path / "out", rows_per_part=1, output_format="parquet")
    first, second = map(parquet.read_schema, sorted((tmp_path / "out").glob("part-*")))
    assert first.equals(second)


def test_lone_surrogates_and_invalid_utf_8_do_not_stop_a_job(run, tmp_path):
    (tmp_path / "in.jsonl").write_bytes(b'{"text": "\\ud800 [MASK]", "\\udc00": 1}\n{"text": "[MASK] cat"}\n')
    totals = run(tmp_path / "in.jsonl", tmp_path / "out.parquet")
    assert (totals.rows, totals.errors) == (2, 1)
    broken = arrow.array([b"\xff [MASK]", b"[MASK] cat"]).cast(arrow.binary()).view(arrow.string())
    parquet.write_table(arrow.table({"text": broken}), tmp_path / "in.parquet")
    for name in ("a.jsonl", "a.csv", "a.parquet"):
        totals = run(tmp_path / "in.parquet", tmp_path / name)
        assert (totals.rows, totals.errors) == (2, 1)


@pytest.mark.parametrize("keep", [0, 3, 0.2, 0.9])
def test_a_truncated_file_is_refused(tmp_path, keep):
    path = tmp_path / "in.parquet"
    parquet.write_table(table(100), path)
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size) if keep < 1 else keep])
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        ParquetReader(path)


def test_a_damaged_page_is_an_error_of_the_job_and_parts_before_it_stay(run, tmp_path):
    path = tmp_path / "in.parquet"
    texts = arrow.table({"text": [f"[MASK] {number}" for number in range(5000)]})
    parquet.write_table(texts, path, row_group_size=1000, use_dictionary=False, write_page_checksum=True)
    content = bytearray(path.read_bytes())
    content[len(content) * 6 // 10] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(JobError, match=r"in\.parquet cannot be read past row [23]000"):
        run(path, tmp_path / "out", rows_per_part=500)
    assert len(list((tmp_path / "out").glob("part-*"))) >= 3


def test_a_column_that_comes_twice_is_refused(tmp_path):
    path = tmp_path / "in.parquet"
    parquet.write_table(arrow.Table.from_arrays([arrow.array(["a"])] * 2, ["text", "text"]), path)
    with pytest.raises(InputError, match="names the column 'text' twice"):
        ParquetReader(path)


def test_row_groups_do_not_hold_a_part(run, write, rows, tmp_path):
    run(write("in.jsonl", rows(2500)), tmp_path / "out", output_format="parquet")
    assert parquet.ParquetFile(tmp_path / "out/part-000000.parquet").num_row_groups == 3


def test_a_parquet_result_holds_what_jsonl_holds(run, write, rows, tmp_path):
    path = write("in.csv", rows(60))
    run(path, tmp_path / "out.jsonl")
    run(path, tmp_path / "out.parquet")
    for line, row in zip(read_rows(tmp_path / "out.jsonl"), parquet.read_table("out.parquet").to_pylist(), strict=True):
        assert line == json.loads(json.dumps({name: value for name, value in row.items() if value is not None}))
