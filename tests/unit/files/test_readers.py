import sys

import pytest

from fillmask.errors import InputError, TextError
from fillmask.files.readers import CsvReader, JsonReader, LineReader
from fillmask.files.streams import ByteLines

DEEP = b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def parse(reader):
    """Each row's columns or its error."""
    parsed = []
    try:
        for row in reader.rows():
            try:
                parsed.append(row())
            except InputError as error:
                parsed.append(error)
    finally:
        reader.close()
    return parsed


@pytest.fixture
def path(tmp_path):
    return tmp_path / "in"


def test_each_json_line_is_a_row_and_blank_lines_are_none(path):
    path.write_bytes(b'{"text": "a", "n": {"deep": [1, null]}}\n\n  \r\n{"text": "\xc3\x9f"}')
    assert parse(JsonReader(ByteLines(path))) == [{"text": "a", "n": {"deep": [1, None]}}, {"text": "ß"}]


@pytest.fixture
def recursion_limit():
    """Python's default; a library that other tests import may have set another."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("recursion_limit")
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("\ufeff{}".encode(), "line 2 is not JSON: it begins with a byte order mark"),
        (b"{", "line 2 is not JSON"),
        (b'{"text": "a"} {}', "line 2 is not JSON: Extra data"),
        (b'{"text": NaN}', "line 2 is not JSON: NaN is not a finite number"),
        (b'{"text": 1e999}', "line 2 is not JSON: 1e999 is not a finite number"),
        (b'{"text": ' + b"9" * 5000 + b"}", "line 2 is not JSON: Exceeds the limit"),
        (b"[1]", "line 2 must be a JSON object, got list"),
        (b'"text"', "line 2 must be a JSON object, got str"),
        (b'{"text": "\xff"}', "line 2 is not UTF-8: invalid start byte at byte 10"),
        (b'{"text": "a\0"}', "line 2 is not JSON: Invalid control character"),
        (b'{"text": "' + b"a" * (8 << 20) + b'"}', "line 2 has more than 8388608 bytes"),
        (DEEP, "line 2 is not JSON: maximum recursion depth"),
        (DEEP.replace(b"[" * 100_000, b"[" * 900).replace(b"]" * 100_000, b"]" * 900), "recursion"),
    ],
    ids=range(13),
)
def test_a_malformed_json_line_is_an_error_and_the_next_is_read(path, line, message):
    path.write_bytes(b'{"n": 1}\n' + line + b'\n{"n": 3}\n')
    first, error, third = parse(JsonReader(ByteLines(path)))
    assert (first, third) == ({"n": 1}, {"n": 3})
    assert isinstance(error, InputError)
    assert message in str(error)


def test_every_line_of_a_text_is_a_row(path):
    path.write_bytes(b"a\n\n\xff\nb")
    first, empty, error, last = parse(LineReader(ByteLines(path), "words"))
    assert (first, empty, last) == ({"words": "a"}, {"words": ""}, {"words": "b"})
    assert isinstance(error, TextError)


def test_csv_has_quotes_and_line_ends_inside_them(path):
    path.write_bytes(b'id,"text"\r\n1,"a ""b"", c\nd"\r\n\n2,\n')
    reader = CsvReader(ByteLines(path), ",")
    assert dict(reader.columns) == {"id": "string", "text": "string"}
    assert parse(reader) == [{"id": "1", "text": 'a "b", c\nd'}, {"id": "2", "text": ""}]


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_line_ends_inside_quotes_stay_as_they_are(path, end):
    path.write_bytes(b'id,text\r\n1,"a\r\nb\nc\rd"\r\n\r\n"2\r\n","\r\n"' + end.encode())
    wanted = [{"id": "1", "text": "a\r\nb\nc\rd"}, {"id": "2\r\n", "text": "\r\n"}]
    assert parse(CsvReader(ByteLines(path), ",")) == wanted


def test_tabs_separate_as_commas_do(path):
    path.write_bytes(b'id\ttext\n1\t"a\tb"\n')
    assert parse(CsvReader(ByteLines(path), "\t")) == [{"id": "1", "text": "a\tb"}]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"1", "line 3 has 1 fields, and the header 2"),
        (b"1,2,3", "line 3 has 3 fields, and the header 2"),
        (b"1,\xff", "line 3 is not UTF-8"),
        (b'1,"a"b', "line 3 is not CSV: ',' expected after '\"'"),
        (b"1," + b"a" * 200_000, "line 3 is not CSV: field larger than field limit (131072)"),
        (b"1," + b"a" * (9 << 20), "line 3 is not CSV: more than 8388608 bytes"),
    ],
    ids=range(6),
)
def test_a_malformed_csv_line_is_an_error_and_the_next_is_read(path, line, message):
    path.write_bytes(b"id,text\n0,a\n" + line + b"\n2,b\n")
    first, error, third = parse(CsvReader(ByteLines(path), ","))
    assert (first, third) == ({"id": "0", "text": "a"}, {"id": "2", "text": "b"})
    assert message in str(error)


def test_a_quote_that_never_ends_costs_a_bounded_number_of_lines(path):
    path.write_bytes(b'id,text\n1,"open\n' + b"2,b\n" * 100_000)
    rows = parse(CsvReader(ByteLines(path), ","))
    assert "field larger than field limit" in str(rows[0])
    assert rows[1:] == [{"id": "2", "text": "b"}] * (len(rows) - 1)
    assert len(rows) > 60_000


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"a,b,a\n", "names 'a' twice"),
        (b"a,\xff\n", "is not UTF-8"),
        (b'a,"b\n', "is malformed"),
    ],
)
def test_a_header_that_cannot_be_used_is_an_error(path, header, message):
    path.write_bytes(header)
    with pytest.raises(InputError, match=message):
        CsvReader(ByteLines(path), ",")
