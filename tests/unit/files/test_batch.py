"""``fillmask.batch`` in this process: formats, parts, shards, limits, one file."""

import errno
import inspect
import json
from pathlib import Path

import numpy as np
import pytest

import fillmask
from fillmask import FillMask
from fillmask.errors import InputError
from fillmask.files.verbs import VERBS
from tests.unit.files.conftest import read_rows

HERE = Path()  # each test has a folder of its own

ROOT = Path(__file__).parents[3]

INPUTS = ["in.jsonl", "in.csv", "in.tsv", "in.txt", "in.parquet"]


def expected(model, record, **parameters):
    """What a row must hold, by the model itself."""
    try:
        masks = model.predict(record["text"], **parameters)
    except InputError as error:
        return {"error": str(error), "error_type": type(error).__name__}
    names = ("score", "token", "token_str", "sequence")
    return {"predictions": [[{name: getattr(each, name) for name in names} for each in mask] for mask in masks]}


def same(got, wanted):
    """Equal but for the last bits of scores, which depend on the batch."""
    if isinstance(wanted, dict):
        return got.keys() == wanted.keys() and all(same(got[name], wanted[name]) for name in wanted)
    if isinstance(wanted, list):
        return len(got) == len(wanted) and all(map(same, got, wanted))
    return got == pytest.approx(wanted, abs=1e-6) if isinstance(wanted, float) else got == wanted


@pytest.mark.parametrize("name", INPUTS)
def test_every_row_of_every_format_has_its_predictions_or_its_error(run, write, rows, native, name):
    records = rows(50)
    totals = run(write(name, records), HERE / "out", parameters={"top_k": 2}, rows_per_part=20)
    assert (totals.rows, totals.parts) == (50, 3)
    got = read_rows(HERE / "out")
    assert totals.errors == sum("error" in row for row in got) > 5
    kept = ["text"] if name == "in.txt" else ["key", "text"]
    for index, (row, record) in enumerate(zip(got, records, strict=True)):
        wanted = {"row": index} | {key: record[key] for key in kept} | expected(native, record, top_k=2)
        assert same(row, wanted), (row, wanted)


def test_a_file_of_something_else_is_not_replaced(run, write, rows, tmp_path):
    path, out = write("in.jsonl", rows(5)), tmp_path / "out.jsonl"
    out.write_text("mine")
    with pytest.raises(InputError, match="exists"):
        run(path, out)
    assert out.read_text() == "mine"
    run(path, out, force=True)
    assert len(read_rows(out)) == 5
    assert run(path, out).rows == 5
    out.unlink()
    assert run(path, out).rows == 5
    assert len(read_rows(out)) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows_per_part": 0}, "rows_per_part"),
        ({"rows_per_part": True}, "rows_per_part"),
        ({"keep": "some"}, "keep"),
        ({"output_format": "xml"}, "format"),
        ({"input_format": "xml"}, "input_format"),
        ({"shard": "3/2"}, "shard"),
        ({"max_errors": "200%"}, "max_errors"),
        ({"batch_size": 0}, "batch_size"),
        ({"workers": 0}, "workers"),
        ({"parameters": {"top_k": -1}}, "top_k"),
        ({"parameters": {"top_k": {1}}}, r"the parameter top_k holds \{1\} \(set\)"),
        ({"parameters": {"targets": b"cat"}}, r"the parameter targets holds b'cat' \(bytes\)"),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_is_written(run, write, rows, options, message):
    path = write("in.jsonl", rows(3))
    with pytest.raises(InputError, match=message):
        run(path, HERE / "out", **options)
    assert not (HERE / "out").exists()


def test_numbers_of_numpy_are_recorded_and_the_job_is_the_same_without_them(run, write, rows):
    path = write("in.jsonl", rows(3))
    run(path, HERE / "out", parameters={"top_k": np.int64(2), "targets": ("cat", "dog")})
    recorded = json.loads((HERE / "out/_job.json").read_bytes())["parameters"]
    assert recorded == {"top_k": 2, "targets": ["cat", "dog"]}
    assert run(path, HERE / "out", parameters={"top_k": 2, "targets": ["cat", "dog"]}).rows == 3


def test_a_job_takes_the_parameters_that_its_docstring_says():
    refused = {}
    for name, each in VERBS.items():
        of_method = inspect.signature(getattr(FillMask, name)).parameters.keys() - {"self", "text"}
        refused[name] = of_method - inspect.signature(each.verb.resolve).parameters.keys()
    assert {name: names for name, names in refused.items() if names} == {
        "predict": {"words", "filled", "slots", "strict_targets"},
        "rank": {"slots"},
    }
    sentence = (
        "A job takes neither words, filled, slots and strict_targets of predict, nor its targets for each mask, "
        "nor slots of rank."
    )
    for text in (fillmask.batch.__doc__, (ROOT / "docs/batch.md").read_text("utf-8")):
        assert sentence in " ".join(text.replace("`", "").split())


def test_an_output_among_the_inputs_is_refused(run, write, rows, tmp_path):
    path = write("in.jsonl", rows(3))
    with pytest.raises(InputError, match="is an input"):
        run(path, path, force=True)
    with pytest.raises(InputError, match="holds an input"):
        run(path, tmp_path, force=True)
    assert len(read_rows(path)) == 3


@pytest.mark.parametrize("out", ["out", "out.jsonl"])
def test_an_output_that_this_user_may_not_read_is_named(run, write, rows, monkeypatch, out):
    path, exists = write("in.jsonl", rows(3)), Path.exists

    def refuse(path):
        if path.name in ("_job.json", "out.jsonl"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return exists(path)

    monkeypatch.setattr(Path, "exists", refuse)  # root may read everything
    with pytest.raises(InputError, match=r"out(/_job\.json|\.jsonl) cannot be read: Permission denied; choose another"):
        run(path, out)


@pytest.mark.parametrize("out", ["out.jsonl", "-"])
def test_one_file_takes_no_shard(run, write, rows, tmp_path, out):
    with pytest.raises(InputError, match="shard needs a folder"):
        run(write("in.jsonl", rows(3)), out if out == "-" else tmp_path / out, shard="1/2")


def test_the_name_and_the_format_must_agree(run, write, rows, tmp_path):
    with pytest.raises(InputError, match="the format is csv"):
        run(write("in.jsonl", rows(3)), tmp_path / "out.jsonl", output_format="csv")


def test_the_public_name_stays_a_function_when_the_modules_are_imported():
    import fillmask.files.batch

    assert callable(fillmask.batch)
    assert fillmask.batch.__name__ == "batch"
