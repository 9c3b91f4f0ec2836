import csv
import io
import json
from datetime import date

import pytest

from fillmask.files.writers import encoding, join, to_json
from tests.unit.files.conftest import parts


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_csv_is_flat_and_reads_back(run, write, tmp_path, suffix):
    text = 'a "quoted", [MASK]\tcat\n!'
    path = write("in.jsonl", [{"text": text, "key": 1}, {"text": "none", "key": None}])
    run(path, tmp_path / f"out.{suffix}", id_column="key", parameters={"top_k": 1})
    with (tmp_path / f"out.{suffix}").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file, delimiter="," if suffix == "csv" else "\t")
    assert (first["key"], json.loads(first["input"])["text"], first["rank"]) == ("1", text, "1")
    assert (second["key"], second["rank"], second["error_type"]) == ("", "", "NoMaskError")


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_line_ends_of_a_kept_column_are_those_of_the_input(run, tmp_path, name):
    (tmp_path / "in.csv").write_bytes(b'note,text\r\n"a\r\nb","[MASK]\r\ncat"\r\n')
    run("in.csv", tmp_path / name, parameters={"top_k": 1})
    with (tmp_path / name).open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file) if name == "out.csv" else map(json.loads, file)
    assert (row["note"], row["text"]) == ("a\r\nb", "[MASK]\r\ncat")


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.tsv", "out.parquet"])
def test_one_file_has_the_records_of_the_parts(run, write, rows, tmp_path, name):
    if name == "out.parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
    path = write("in.csv", rows(45))
    output_format = name.partition(".")[2]
    run(path, tmp_path / "folder", rows_per_part=10, output_format=output_format)
    run(path, tmp_path / name, rows_per_part=10)
    assert sorted(each.name for each in (tmp_path / f"{name}.job").iterdir()) == ["_SUCCESS", "_counts", "_job.json"]
    if name == "out.parquet":
        assert parquet.read_table(tmp_path / name).equals(parquet.read_table(sorted((tmp_path / "folder").glob("p*"))))
        return
    each = [content.splitlines(keepends=True) for content in parts(tmp_path / "folder").values()]
    lines = [line for index, part in enumerate(each) for line in (part[1:] if index and name != "out.jsonl" else part)]
    assert (tmp_path / name).read_bytes() == b"".join(lines)


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.parquet"])
def test_no_rows_give_an_empty_output_with_its_columns(run, tmp_path, name):
    if name == "out.parquet":
        pytest.importorskip("pyarrow")
    (tmp_path / "in.jsonl").write_bytes(b"")
    assert run(tmp_path / "in.jsonl", tmp_path / name).rows == 0
    if name == "out.csv":
        assert (
            tmp_path / name
        ).read_text() == "row,input,mask,rank,score,token,token_str,sequence,warnings,error,error_type\n"
    elif name == "out.parquet":
        assert "predictions" in pytest.importorskip("pyarrow.parquet").read_schema(tmp_path / name).names
    else:
        assert (tmp_path / name).read_bytes() == b""


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"a": [1, "ß", None, True]}, '{"a": [1, "ß", null, true]}'),
        ([float("nan"), {"a": float("-inf")}, 1.5], '[null, {"a": null}, 1.5]'),
        (b"\xff", '"/w=="'),
        (date(2020, 1, 2), '"2020-01-02"'),
        ({"a": [("k", float("nan")), ("l", [(1.5, float("inf"))])]}, '{"a": [["k", null], ["l", [[1.5, null]]]]}'),
    ],
)
def test_any_value_is_strict_json(value, wanted):
    assert to_json(value) == wanted


@pytest.mark.parametrize(
    ("output_format", "records", "wanted"),
    [
        ("jsonl", [{"a": None, "b": [1]}, {"a": "\udc00"}], b'{"a": null, "b": [1]}\n{"a": "\\udc00"}\n'),
        ("csv", [(None, [1]), ("\udc00", None)], b"a,b\n,[1]\n?,\n"),
        ("tsv", [(None, [1]), ("\udc00", None)], b"a\tb\n\t[1]\n?\t\n"),
    ],
)
def test_records_are_encoded_with_their_columns(output_format, records, wanted):
    file = io.BytesIO()
    with encoding(output_format, file, {"a": "string", "b": ["int64"]}) as encoder:
        encoder.write(records)
    assert file.getvalue() == wanted


@pytest.mark.parametrize("output_format", ["csv", "tsv"])
def test_line_ends_in_names_and_fields_stay_in_quotes_on_every_version_of_python(tmp_path, output_format):
    columns = {"a\rb": "string", "c\r\nd": "string"}
    records = [("\r", "x\ry"), ("\r\n", "\n"), ("plain", '"\r"')]
    paths = [tmp_path / f"{index}.{output_format}" for index in range(2)]
    for path in paths:
        with path.open("wb") as file, encoding(output_format, file, columns) as encoder:
            encoder.write(records)
    with (tmp_path / "joined").open("wb") as file:
        join(output_format, paths, file)
    with (tmp_path / "joined").open(encoding="utf-8", newline="") as file:
        rows = [*csv.reader(file, delimiter="," if output_format == "csv" else "\t")]
    assert rows == [[*columns], *map(list, records * 2)]
