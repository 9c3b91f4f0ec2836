from contextlib import suppress
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pyarrow
import pytest

from fillmask import TextError
from fillmask.texts import check_texts, texts_of


@pytest.mark.parametrize("texts", [None, 3, True, "[MASK]", b"[MASK]", bytearray(b"[MASK]"), {"inputs": "[MASK]"}])
def test_what_holds_no_texts_is_refused_with_the_rule(texts):
    with pytest.raises(TextError, match=f"^the rule, got {type(texts).__name__}$"):
        check_texts("the rule", texts)


@pytest.mark.parametrize("texts", [[], ("[MASK]",), {"[MASK]"}, iter(["[MASK]"]), (text for text in "ab")])
def test_any_other_iterable_may_hold_texts(texts):
    check_texts("the rule", texts)


def columns_of(texts):
    """The texts in each kind of column that is installed, by its name."""
    yield "numpy objects", np.array(texts, dtype=object)
    yield "a generator", (text for text in texts)
    for name, make in (
        ("pyarrow", lambda arrow: arrow.array(texts)),
        ("pandas", lambda pandas: pandas.Series(texts, dtype=object)),
        ("pandas", lambda pandas: pandas.Series(texts, dtype="string")),
        ("polars", lambda polars: polars.Series(texts)),
    ):
        with suppress(ImportError):
            yield name, make(import_module(name))


def test_each_kind_of_column_gives_its_texts_and_nulls_are_bad_rows(native):
    texts = ["[MASK] cat", None, "the [MASK]"]
    for name, column in columns_of(texts):
        first, second, third = native.predict_many(column, top_k=1)
        assert isinstance(second, TextError), name
        assert (first, third) == tuple(native.predict(text, top_k=1) for text in (texts[0], texts[2])), name
    for name, column in columns_of(texts):
        assert isinstance([*native.score_many(column)][1], TextError), name


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_call_gives_a_list_as_long_as_any_column(native, count):
    texts = ["[MASK] cat", "the [MASK]"][:count]
    expected = [native(text, top_k=1) for text in texts]
    for name, column in columns_of(texts):
        results = native(column, top_k=1)
        if name == "a generator":
            assert not hasattr(results, "__len__")
        else:
            assert isinstance(results, list), name
        assert [*results] == expected, name


def test_a_set_gives_a_list_and_a_generator_stays_lazy(native):
    assert native({"[MASK] cat"}, top_k=1) == [native("[MASK] cat", top_k=1)]
    read = []
    results = native((read.append(text) or text for text in ["[MASK] cat", "the [MASK]"]), top_k=1)
    assert not read
    next(results)
    assert len(read) == 1


def test_an_array_of_strings_of_numpy_gives_its_texts(native):
    texts = np.array(["[MASK] cat", "the [MASK]"])
    assert [*native.predict_many(texts, top_k=1)] == [native.predict(str(text), top_k=1) for text in texts]


@pytest.mark.parametrize("texts", [np.array("a"), SimpleNamespace(columns=["a"], __iter__=None)])
def test_an_array_without_rows_and_a_table_are_refused(texts):
    with pytest.raises(TextError, match="the rule"):
        texts_of("the rule", texts)


def test_a_table_of_columns_is_refused_with_what_to_take():
    class Frame(list):
        columns = ("text",)

    class Dataset(list):
        column_names = ("text",)

    for table in (Frame(["text"]), Dataset(["text"]), pyarrow.table({"text": ["text"]})):
        with pytest.raises(TextError, match=f"the rule, got {type(table).__name__}; take one of its columns"):
            texts_of("the rule", table)
