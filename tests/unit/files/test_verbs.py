import pytest

import fillmask
from fillmask.errors import InputError
from fillmask.files.verbs import VERBS
from tests.unit.files.conftest import read_rows


def test_flat_records_are_one_for_each_mask_and_rank(run, write, tmp_path):
    path = write("in.jsonl", [{"text": "[MASK] cat [MASK]"}, {"text": "none"}])
    run(path, tmp_path / "out.jsonl", flat=True, parameters={"top_k": 2}, keep="id")
    got = read_rows(tmp_path / "out.jsonl")
    assert [(row["row"], row.get("mask"), row.get("rank")) for row in got] == [
        (0, 1, 1),
        (0, 1, 2),
        (0, 2, 1),
        (0, 2, 2),
        (1, None, None),
    ]
    assert got[4]["error_type"] == "NoMaskError"


def test_a_row_without_predictions_is_still_a_row(run, write, tmp_path):
    path = write("in.jsonl", [{"text": "[MASK] cat"}])
    run(path, tmp_path / "out.jsonl", flat=True, parameters={"top_k": 0})
    assert read_rows(tmp_path / "out.jsonl") == [{"row": 0, "text": "[MASK] cat"}]


def test_an_unknown_verb_is_refused(write, rows, tmp_path):
    with pytest.raises(InputError, match="verb must be one of classify, infill, marginals"):
        fillmask.batch("dance", write("in.jsonl", rows(3)), tmp_path / "out")


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_is_found_by_its_name_and_its_columns_are_no_columns_of_a_record(name):
    verb = VERBS[name]
    assert verb.verb.name == name
    assert not {verb.column, *verb.flat} & {"row", "file", "input", "warnings", "error", "error_type"}
