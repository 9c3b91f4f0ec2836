import sys
from contextlib import closing

import pytest

from fillmask.cli.streams import ClosedStream
from fillmask.errors import InputError
from fillmask.files.inputs import Position, find_inputs


def find(inputs, input_format=None, text="text", id_column=None):
    return find_inputs(inputs, input_format=input_format, text=text, id_column=id_column)


def names(inputs):
    return [str(path) for path in find(inputs).paths]


@pytest.fixture
def files(tmp_path):
    for name in ("b.jsonl", "a.jsonl.gz", "c.ndjson", "notes.md", ".d.jsonl", "_e.jsonl", "deep/f.jsonl"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\3\3\0\0\0\0\0\0\0\0\0" if name.endswith("gz") else b"{}\n")
    return tmp_path


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("inputs", "found"),
    [
        ("b.jsonl", ["b.jsonl"]),
        (["c.ndjson", "b.jsonl"], ["c.ndjson", "b.jsonl"]),
        (".", ["a.jsonl.gz", "b.jsonl", "c.ndjson"]),
        ("*.jsonl", ["b.jsonl", "_e.jsonl"]),
        ("**/*.jsonl", ["_e.jsonl", "b.jsonl", "deep/f.jsonl"]),
    ],
)
def test_files_folders_and_patterns_are_found_in_order(inputs, found):
    assert sorted(names(inputs)) == sorted(found) if "*" in str(inputs) else names(inputs) == found


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], "there are no input files"),
        ("missing.jsonl", r"missing\.jsonl does not exist"),
        ("a" * 5000, r"aaa cannot be read: File name too long"),
        ("*.csv", r"no file matches \*\.csv"),
        ("empty", r"empty holds no file that ends in \.jsonl"),
        ("notes.md", r"notes\.md has none of the endings.*name its format"),
    ],
)
@pytest.mark.usefixtures("files")
def test_what_is_not_there_is_named(tmp_path, inputs, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=message):
        find(inputs)


def test_a_name_with_brackets_is_a_file_first(write):
    write("a[1].jsonl", [{"text": "a"}])
    assert names("a[1].jsonl") == ["a[1].jsonl"]


def test_all_files_have_one_format_and_the_same_columns(write):
    write("a.jsonl", [{"text": "a"}])
    write("a.csv", [{"text": "a"}])
    write("b.csv", [{"text": "a", "more": "b"}])
    with pytest.raises(InputError, match=r"a\.csv is csv and a\.jsonl is jsonl"):
        find(["a.jsonl", "a.csv"])
    with pytest.raises(InputError, match=r"the columns of b\.csv are not those of a\.csv"):
        find(["a.csv", "b.csv"])


@pytest.mark.parametrize("column", [{"text": "words"}, {"id_column": "words"}])
def test_a_column_that_the_header_lacks_is_named(write, column):
    write("a.csv", [{"text": "a", "n": "1"}])
    with pytest.raises(InputError, match="has no column 'words'; it has 'text', 'n'"):
        find("a.csv", **column)


def test_a_json_row_without_the_column_is_a_row_with_an_error(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'{"n": 1}\n{"text": "a", "n": 2}\n{"text": "a"}\n')
    with closing(find("a.jsonl", id_column="n").rows(Position())) as rows:
        first, second, third = (row.parse() for row in rows)
    assert (str(first.error), first.columns) == ("the row has no column 'text'", {"n": 1})
    assert (second.error, second.text) == (None, "a")
    assert str(third.error) == "the row has no column 'n'"


def test_the_position_moves_from_file_to_file(write):
    for name in ("a.jsonl", "b.jsonl"):
        write(name, [{"text": "a"}] * 10)
    position = Position()
    rows = find(["a.jsonl", "b.jsonl"]).rows(position)
    fractions = [position.fraction(2) for _ in rows]
    assert fractions == sorted(fractions)
    assert (fractions[0] <= 0.5, position.fraction(2)) == (True, 1.0)


def test_a_standard_input_that_is_closed_is_no_empty_one(monkeypatch):
    """The command line puts a stream that refuses in its place, and opens descriptor 0."""
    for closed in (None, ClosedStream("standard input")):
        monkeypatch.setattr(sys, "stdin", closed)
        with pytest.raises(InputError, match="standard input cannot be read: the stream is closed"):
            find("-", "lines")
