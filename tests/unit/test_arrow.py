"""Arrow in, Arrow out, beside ``predict`` and ``score``; and in the libraries that map batches of Arrow."""

import pickle

import numpy as np
import pytest

import fillmask.arrow
from fillmask.errors import InputError
from fillmask.results import as_json

arrow = pytest.importorskip("pyarrow")

TEXTS = ["[MASK] cat", None, "no mask", "the [MASK] sat on the mat.", "[MASK] dog"]
ERRORS = [None, "TextError", "NoMaskError", None, None]


@pytest.fixture(scope="module")
def predictor(native):
    return fillmask.arrow.mapper("predict", model=native, top_k=2, workers=1)


@pytest.fixture
def table():
    return arrow.table({"key": arrow.array(range(5), arrow.int8()), "text": TEXTS}, metadata={"made": "here"})


def check(rows, native):
    """Every row has what the model gives alone, or its error."""
    assert [row["error_type"] for row in rows] == ERRORS
    for row, text in zip(rows, TEXTS, strict=True):
        if row["error_type"] is None:
            (wanted,) = native.predict(text, top_k=2)
            (got,) = row["predictions"]
            assert [(each["token"], each["token_str"], each["sequence"]) for each in got] == [
                (each.token, each.token_str, each.sequence) for each in wanted
            ]
            np.testing.assert_allclose([each["score"] for each in got], [each.score for each in wanted], atol=1e-6)
        else:
            assert row["predictions"] is None


@pytest.mark.parametrize("change", [{"variant": "int8"}, {"threads": 2}])
def test_a_loaded_model_is_not_loaded_in_another_way(native, change):
    with pytest.raises(InputError, match="model is a loaded FillMask"):
        fillmask.arrow.mapper("predict", model=native, **change)


def test_a_table_and_a_record_batch_come_back_with_the_result(predictor, table, native):
    made = predictor(table)
    assert made.schema == predictor.schema(table.schema)
    assert made.schema.metadata == {b"made": b"here"}
    assert made.column_names == ["key", "text", "predictions", "warnings", "error", "error_type"]
    assert made.select(["key", "text"]) == table.replace_schema_metadata(made.schema.metadata)
    check(made.to_pylist(), native)
    (batch,) = table.to_batches()
    assert predictor(batch).equals(made.to_batches()[0])


def test_the_schema_is_that_of_errors_alone_and_of_no_rows(predictor, table):
    for rows in (table.slice(1, 2), table.slice(0, 0)):
        made = predictor(rows)
        assert made.schema == predictor.schema(table.schema)
        assert made.num_rows == rows.num_rows
    assert [field.name for field in predictor.column(arrow.chunked_array([], "string")).type] == [*predictor.columns]


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view", "dictionary", "chunked"])
def test_each_kind_of_column_of_texts(predictor, native, kind):
    column = arrow.array(TEXTS)
    if kind == "dictionary":
        column = column.dictionary_encode()
    elif kind == "chunked":
        column = arrow.chunked_array([column.slice(0, 2), column.slice(2, 3)])
    else:
        column = arrow.array(TEXTS, getattr(arrow, kind)())
    check(predictor(arrow.table({"text": column})).to_pylist(), native)
    check(predictor.column(column).to_pylist(), native)


def test_bytes_that_are_not_utf_8_cost_their_row(predictor):
    column = arrow.array([b"[MASK] cat", b"\xff [MASK]"]).view("string")
    first, second = predictor(arrow.table({"text": column}))["error"].to_pylist()
    assert first is None
    assert "lone surrogate U+DCFF" in second


def test_a_warning_is_in_its_row(native):
    predictor = fillmask.arrow.mapper("predict", model=native, truncation="right", text_column="t")
    made = predictor(arrow.table({"t": ["[MASK] " + "cat " * 30 + "[MASK]", "[MASK] cat"]}))
    first, second = made["warnings"].to_pylist()
    assert "cut off 1 of the text's 2 masks" in first[0]
    assert second is None


def test_score_is_that_of_the_model(native):
    made = fillmask.arrow.mapper("score", model=native, method="original")(arrow.table({"text": ["the cat sat", ""]}))
    first, second = made["score"].to_pylist()
    wanted = as_json(native.score("the cat sat", method="original"))
    assert (first["tokens"], second) == (wanted["tokens"], None)
    assert made["error"][1].as_py() == "the text has no token to score"


def test_it_pickles(predictor, table):
    assert pickle.loads(pickle.dumps(predictor))(table).equals(predictor(table))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"words": TEXTS}, "the batch must have one column 'text'; it has 'words'"),
        ({"text": TEXTS, "error": TEXTS}, "the batch has a column 'error', which the result needs; rename it"),
    ],
)
def test_a_batch_with_the_wrong_columns_is_refused(predictor, columns, message):
    with pytest.raises(InputError, match=message):
        predictor(arrow.table(columns))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"verb": "dance"}, "verb must be one of classify"),
        ({"verb": "score", "top_k": 1}, "score takes no parameter 'top_k'"),
        ({"verb": "predict", "top_k": -1}, "top_k must be"),
        ({"verb": "predict", "batch_size": 0}, "batch_size must be"),
    ],
)
def test_a_wrong_argument_is_named(native, arguments, message):
    with pytest.raises(InputError, match=message):
        fillmask.arrow.mapper(model=native, **arguments)


# In other libraries; `make test-ray` installs them.


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_datasets_map_it_in_the_arrow_format(predictor, table, native):
    datasets = pytest.importorskip("datasets")
    mapped = datasets.Dataset(table).with_format("arrow").map(predictor, batched=True, batch_size=2)
    check(mapped.with_format(None).to_list(), native)


def test_polars_map_it_as_batches_and_as_a_column(predictor, table, native):
    polars = pytest.importorskip("polars")
    frame = polars.from_arrow(table)
    schema = polars.from_arrow(predictor.schema(table.schema).empty_table()).schema
    mapped = frame.lazy().map_batches(lambda rows: polars.from_arrow(predictor(rows.to_arrow())), schema=schema)
    check(mapped.collect().to_dicts(), native)
    column = frame.lazy().with_columns(
        polars.col("text").map_batches(
            lambda texts: polars.from_arrow(predictor.column(texts.to_arrow())),
            return_dtype=polars.Struct({name: schema[name] for name in predictor.columns}),
        )
    )
    check(column.collect()["text"].to_list(), native)


def test_duckdb_calls_it_as_a_function_of_arrow(predictor, table, native):
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    connection.register("inputs", table)
    kind = duckdb.struct_type(
        {
            "predictions": "STRUCT(score FLOAT, token BIGINT, token_str VARCHAR, sequence VARCHAR)[][]",
            "warnings": "VARCHAR[]",
            "error": "VARCHAR",
            "error_type": "VARCHAR",
        }
    )
    connection.create_function("predict", predictor.column, ["VARCHAR"], kind, type="arrow", null_handling="special")
    rows = connection.sql("SELECT key, predict(text) AS made FROM inputs ORDER BY key").fetchall()
    check([made for _, made in rows], native)
