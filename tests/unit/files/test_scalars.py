import datetime

import pytest

from fillmask.files.scalars import readable

arrow = pytest.importorskip("pyarrow")

NANOSECONDS = 10**18 + 1
AS_TEXT = "2001-09-09 01:46:40.000000001"
LATE = 3 * 10**11  # seconds, in the year 11476


def first(values, kind):
    return readable(arrow.array([values], kind)[0])


@pytest.mark.parametrize(
    ("value", "kind", "wanted"),
    [
        (None, arrow.list_(arrow.int8()), None),
        ([1, None], arrow.list_(arrow.int8()), [1, None]),
        ({"a": 1.5}, arrow.struct([("a", arrow.float64())]), {"a": 1.5}),
        (0, arrow.timestamp("s"), datetime.datetime(1970, 1, 1)),
        ("ß", arrow.string(), "ß"),
    ],
)
def test_what_python_has_is_its_value(value, kind, wanted):
    assert first(value, kind) == wanted


@pytest.mark.parametrize(
    ("value", "kind", "wanted"),
    [
        (NANOSECONDS, arrow.timestamp("ns"), AS_TEXT),
        (LATE, arrow.timestamp("s"), "11476-08-15 05:20:00"),
        (3_000_000, arrow.date32(), "10183-09-21"),
        (1, arrow.time64("ns"), "00:00:00.000000001"),
        (0, arrow.timestamp("s", "Nowhere/Land"), "1970-01-01 00:00:00Z"),
        (LATE, arrow.timestamp("s", "Nowhere/Land"), "11476-08-15 05:20:00Z"),
    ],
)
def test_a_value_that_python_lacks_is_text_wherever_it_is(value, kind, wanted):
    assert str(first(value, kind)) == wanted
    assert str(first([0, value], arrow.list_(kind))[1]) == wanted
    assert str(first([value], arrow.large_list(kind))[0]) == wanted
    assert str(first([value], arrow.list_(kind, 1))[0]) == wanted
    assert str(first([("k", value)], arrow.map_(arrow.string(), kind))[0][1]) == wanted
    nested = first({"a": [value], "b": 1}, arrow.struct([("a", arrow.list_(kind)), ("b", arrow.int8())]))
    assert (str(nested["a"][0]), nested["b"]) == (wanted, 1)


def test_nothing_stays_nothing_beside_a_value_that_python_lacks():
    assert first([None, NANOSECONDS], arrow.list_(arrow.timestamp("ns"))) == [None, AS_TEXT]
    assert first([("k", None), ("l", LATE)], arrow.map_(arrow.string(), arrow.timestamp("s")))[0] == ["k", None]


def test_a_duration_that_python_lacks_is_a_number():
    assert "9223372036854775807" in str(first(2**63 - 1, arrow.duration("s")))


def test_a_struct_with_two_fields_of_one_name_is_a_list_of_pairs():
    array = arrow.StructArray.from_arrays([arrow.array([1]), arrow.array(["x"])], names=["a", "a"])
    assert readable(array[0]) == [["a", 1], ["a", "x"]]


def test_text_that_is_not_utf_8_is_read_with_replacements():
    array = arrow.array([b"\xff cat", b"dog"]).view(arrow.string())
    assert readable(array[0]) == "\ufffd cat"
    assert readable(arrow.ListArray.from_arrays([0, 2], array)[0]) == ["\ufffd cat", "dog"]
    assert readable(array.dictionary_encode()[0]) == "\ufffd cat"
