import pytest

from fillmask.files.rows import Cell, value_of

arrow = pytest.importorskip("pyarrow")


def test_a_cell_holds_its_place_in_the_array():
    array = arrow.array([1, None, 3])
    assert [Cell(array, index).exact() for index in range(3)] == [1, None, 3]
    assert [value_of(Cell(array, index)) for index in range(3)] == [1, None, 3]


def test_text_that_is_not_utf_8_is_read_with_replacements():
    cell = Cell(arrow.array([b"\xff cat"]).view(arrow.string()), 0)
    with pytest.raises(UnicodeDecodeError):
        cell.exact()
    assert cell.readable() == "\ufffd cat"


def test_a_value_that_python_lacks_is_read_as_text():
    cell = Cell(arrow.array([[10**18 + 1]], arrow.list_(arrow.int64())).flatten().cast(arrow.timestamp("ns")), 0)
    assert str(cell.readable()).startswith("2001-09-09 01:46:40")


@pytest.mark.parametrize("value", [None, "a", 1, [1], {"a": 1}])
def test_any_other_value_stays(value):
    assert value_of(value) is value
