import pytest

from fillmask.files.arrow_arrays import arrow_type, to_array

arrow = pytest.importorskip("pyarrow")


def test_each_kind_of_column_has_its_type():
    kind = arrow_type({"a": ["string"], "b": [["float32"]], "c": {"d": "bool_"}, "e": arrow.int8()})
    assert kind == arrow.struct(
        [
            ("a", arrow.list_(arrow.string())),
            ("b", arrow.list_(arrow.list_(arrow.float32()))),
            ("c", arrow.struct([("d", arrow.bool_())])),
            ("e", arrow.int8()),
        ]
    )


def test_a_lone_surrogate_is_replaced_wherever_it_is():
    values = [[{"a": "x\ud800"}], None, [{"a": "ß"}]]
    array = to_array(values, arrow_type([{"a": "string"}]))
    assert array.to_pylist() == [[{"a": "x?"}], None, [{"a": "ß"}]]
