"""Lines that are requests, ``{"inputs", "parameters"}``, with parameters of their own."""

import json
from collections import UserList
from types import MappingProxyType

import numpy as np
import pytest

from fillmask.errors import InputError, TargetWarning
from fillmask.files.row_parameters import plain_parameters, resolve_parameters
from fillmask.files.verbs import VERBS
from tests.unit.files.conftest import read_rows


@pytest.fixture
def requests(tmp_path):
    def write(*lines):
        (tmp_path / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return tmp_path / "in.jsonl"

    return write


def test_a_line_has_the_parameters_of_the_job_but_for_its_own(run, requests, native, tmp_path):
    path = requests(
        {"inputs": "[MASK] cat", "custom_id": "a"},
        {"inputs": "[MASK] cat", "parameters": {"top_k": 3}, "custom_id": "b"},
        {"inputs": "[MASK] cat", "parameters": {"top_k": None}},
        {"text": "[MASK] cat", "inputs": "ignored", "parameters": {"top_k": 9}},
    )
    run(path, tmp_path / "out.jsonl", parameters={"top_k": 2})
    rows = read_rows(tmp_path / "out.jsonl")
    assert [len(row["predictions"][0]) for row in rows] == [2, 3, 5, 2]
    assert [row.get("custom_id") for row in rows] == ["a", "b", None, None]
    assert [each["token"] for each in rows[1]["predictions"][0]] == [
        each.token for each in native.predict("[MASK] cat", top_k=3)[0]
    ]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ({"inputs": "[MASK] cat", "parameters": {"top_k": -1}}, "top_k must be a whole number"),
        ({"inputs": "[MASK] cat", "parameters": {"method": "original"}}, "predict takes no parameter 'method'"),
        ({"inputs": "[MASK] cat", "parameters": []}, "parameters must be a JSON object, got list"),
        ({"inputs": ["[MASK] cat"]}, "a text must be a string, got list"),
        ({"parameters": {}}, "the row has no column 'text'"),
    ],
)
def test_what_is_wrong_with_a_line_costs_that_line_alone(run, requests, tmp_path, line, error):
    totals = run(requests({"inputs": "[MASK] cat"}, line, {"inputs": "[MASK] dog"}), tmp_path / "out.jsonl")
    rows = read_rows(tmp_path / "out.jsonl")
    assert totals.errors == 1
    assert error in rows[1]["error"]


def test_the_warnings_of_a_lines_parameters_are_its_own(run, requests, tmp_path):
    path = requests({"inputs": "[MASK] cat", "parameters": {"targets": ["dogs"]}}, {"inputs": "[MASK] cat"})
    totals = run(path, tmp_path / "out.jsonl")
    first, second = read_rows(tmp_path / "out.jsonl")
    assert totals.warnings == 1
    assert "does not exist in the model vocabulary" in first["warnings"][0]
    assert "warnings" not in second


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv"])
def test_custom_id_is_echoed_where_only_the_id_is_kept(run, requests, tmp_path, name):
    path = requests({"inputs": "[MASK] cat", "custom_id": "a"}, {"inputs": "none", "custom_id": "b"})
    options = {} if name == "out.jsonl" else {"id_column": "custom_id"}
    run(path, tmp_path / name, keep="id", parameters={"top_k": 1}, **options)
    if name == "out.jsonl":
        assert [row["custom_id"] for row in read_rows(tmp_path / name)] == ["a", "b"]
    else:
        assert [line.partition(",")[0] for line in (tmp_path / name).read_text().splitlines()] == [
            "custom_id",
            "a",
            "b",
        ]


def test_a_named_column_makes_no_requests(run, requests, tmp_path):
    run(requests({"inputs": "[MASK] cat", "parameters": {"top_k": 9}}), tmp_path / "out.jsonl", text_column="inputs")
    assert len(read_rows(tmp_path / "out.jsonl")[0]["predictions"][0]) == 5


def test_parameters_of_a_job_are_refused_before_any_row_and_warned_of(native):
    with pytest.raises(InputError, match="takes no parameter 'k'"):
        resolve_parameters(native.model, VERBS["predict"], {"k": 1})
    with pytest.warns(TargetWarning):
        resolve_parameters(native.model, VERBS["predict"], {"targets": ["dogs"]})


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("l2r"), "l2r"),
        ((1, (np.int8(2), None)), [1, [2, None]]),
        (UserList(["cat"]), ["cat"]),
        (MappingProxyType({"animal": ("cat",)}), {"animal": ["cat"]}),
    ],
)
def test_parameters_of_a_job_are_what_json_holds(value, plain):
    made = plain_parameters({"a": value})["a"]
    assert (made, type(made)) == (plain, type(plain))
    assert json.loads(json.dumps(made)) == plain


@pytest.mark.parametrize(
    "value", [{1}, b"cat", object(), np.array(["cat"]), {1: ["cat"]}, [{"a": {1}}], np.datetime64(0, "s")]
)
def test_a_parameter_that_json_does_not_hold_is_named(value):
    with pytest.raises(InputError, match=r"the parameter top_k holds .* as JSON; give strings, numbers, "):
        plain_parameters({"top_k": value})


def test_a_parameter_that_is_nested_too_deeply_is_an_error():
    nested = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(InputError, match="a parameter is nested too deeply"):
        plain_parameters({"targets": nested})
