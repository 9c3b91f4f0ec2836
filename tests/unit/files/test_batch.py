"""``fillmask.batch`` in this process: formats, parts, shards, limits, one file."""

import csv
import json
from pathlib import Path

import pytest

import fillmask
from fillmask.errors import InputError, JobError
from tests.unit.files.conftest import parts, read_rows

HERE = Path()  # each test has a folder of its own

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


def test_the_totals_are_in_success(run, write, rows, tmp_path):
    totals = run(write("in.jsonl", rows(30)), tmp_path / "out", rows_per_part=7)
    assert json.loads((tmp_path / "out/_SUCCESS").read_bytes()) == {
        "rows": 30,
        "errors": totals.errors,
        "warnings": 0,
        "parts": 5,
    }


@pytest.mark.parametrize("workers", [1, 3])
def test_the_bytes_depend_neither_on_the_workers_nor_on_the_run(run, write, rows, tmp_path, workers):
    path = write("in.jsonl", rows(120))
    run(path, tmp_path / "a", rows_per_part=50, workers=2)
    run(path, tmp_path / "b", rows_per_part=50, workers=workers)
    assert parts(tmp_path / "a") == parts(tmp_path / "b")


def test_only_missing_parts_are_made_again(run, write, rows, tmp_path):
    path, out = write("in.jsonl", rows(50)), tmp_path / "out"
    run(path, out, rows_per_part=10)
    before = parts(out)
    (out / "part-000002.jsonl").unlink()
    (out / "part-000003.jsonl").write_bytes(b"kept as it is\n")
    totals = run(path, out, rows_per_part=10)
    assert (totals.rows, totals.parts) == (50, 5)
    assert parts(out) == before | {"part-000003.jsonl": b"kept as it is\n"}


def test_a_complete_job_reads_no_row(run, write, rows, tmp_path):
    path, out = write("in.jsonl", rows(20)), tmp_path / "out"
    first = run(path, out)
    states = []
    assert run(path, out, report=states.append) == first
    assert not states


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"parameters": {"top_k": 3}}, "parameters.top_k is 3, and there null"),
        ({"rows_per_part": 7}, "rows_per_part is 7, and there 10"),
        ({"keep": "id"}, 'columns.keep is "id", and there "all"'),
        ({"flat": True}, "columns.flat is true, and there false"),
        ({"output_format": "csv"}, "columns.flat is true"),
        ({"batch_size": 2}, "batch_size is 2, and there 16"),
        ({"id_column": "key"}, 'columns.id is "key", and there null'),
    ],
)
def test_another_job_in_the_folder_is_refused_and_named(run, write, rows, change, name):
    path, out = write("in.jsonl", rows(20)), HERE / "out"
    run(path, out, rows_per_part=10)
    before = parts(out)
    with pytest.raises(InputError) as refused:
        run(path, out, **{"rows_per_part": 10} | change)
    assert name in str(refused.value)
    assert parts(out) == before


def test_another_input_or_model_is_another_job(run, write, rows, tmp_path, foreign):
    path, out = write("in.jsonl", rows(20)), tmp_path / "out"
    run(path, out)
    with pytest.raises(InputError, match=r"model\.sha256"):
        run(path, out, model=foreign)
    write("in.jsonl", rows(21))
    with pytest.raises(InputError, match=r"inputs\.0\.bytes"):
        run(path, out)
    with pytest.raises(InputError, match="inputs is"):
        run([path, write("more.jsonl", rows(3))], out)


def test_the_workers_and_the_error_limit_are_not_part_of_the_job(run, write, rows, tmp_path):
    path, out = write("in.jsonl", rows(20)), tmp_path / "out"
    run(path, out, workers=1)
    assert run(path, out, workers=2, max_errors="100%").rows == 20


def test_force_starts_over_and_keeps_what_is_not_of_the_job(run, write, rows, tmp_path):
    path, out = write("in.jsonl", rows(50)), tmp_path / "out"
    run(path, out, rows_per_part=10)
    (out / "notes").write_text("mine")
    run(path, out, rows_per_part=25, force=True)
    assert list(parts(out)) == ["part-000000.jsonl", "part-000001.jsonl"]
    assert (out / "notes").read_text() == "mine"


def test_a_folder_of_other_files_is_refused(run, write, rows, tmp_path):
    path, out = write("in.jsonl", rows(3)), tmp_path / "out"
    out.mkdir()
    (out / "part-000000.jsonl").write_text("of something else")
    with pytest.raises(InputError, match=r"holds part-000000\.jsonl and no _job\.json"):
        run(path, out)
    out = tmp_path / "file"
    out.write_text("")
    with pytest.raises(InputError, match="is a file"):
        run(path, out)


@pytest.mark.parametrize("of", [2, 3, 8])
def test_shards_make_together_what_one_machine_makes(run, write, rows, tmp_path, of):
    path = write("in.jsonl", rows(45))
    whole = run(path, tmp_path / "whole", rows_per_part=10)
    for number in range(1, of + 1):
        assert (tmp_path / "out/_SUCCESS").exists() == (number > 5)  # there are five parts
        totals = run(path, tmp_path / "out", rows_per_part=10, shard=f"{number}/{of}")
    assert totals == whole
    assert parts(tmp_path / "out") == parts(tmp_path / "whole")
    assert (tmp_path / "out/_SUCCESS").read_bytes() == (tmp_path / "whole/_SUCCESS").read_bytes()


@pytest.mark.parametrize("limit", [0, "3", "1%"])
def test_too_many_bad_rows_stop_the_job_after_the_part(run, write, rows, tmp_path, limit):
    path, out = write("in.jsonl", rows(60)), tmp_path / "out"
    with pytest.raises(JobError, match="of 20 rows have no result"):
        run(path, out, rows_per_part=20, max_errors=limit)
    assert list(parts(out)) == ["part-000000.jsonl"]
    assert not (out / "_SUCCESS").exists()
    assert run(path, out, rows_per_part=20, max_errors="50%").parts == 3


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


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_csv_is_flat_and_reads_back(run, write, tmp_path, suffix):
    text = 'a "quoted", [MASK]\tcat\n!'
    path = write("in.jsonl", [{"text": text, "key": 1}, {"text": "none", "key": None}])
    run(path, tmp_path / f"out.{suffix}", id_column="key", parameters={"top_k": 1})
    with (tmp_path / f"out.{suffix}").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file, delimiter="," if suffix == "csv" else "\t")
    assert (first["key"], json.loads(first["input"])["text"], first["rank"]) == ("1", text, "1")
    assert (second["key"], second["rank"], second["error_type"]) == ("", "", "NoMaskError")


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.tsv", "out.parquet"])
def test_one_file_has_the_records_of_the_parts(run, write, rows, tmp_path, name):
    if name == "out.parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
    path = write("in.csv", rows(45))
    output_format = name.partition(".")[2]
    run(path, tmp_path / "folder", rows_per_part=10, output_format=output_format)
    run(path, tmp_path / name, rows_per_part=10)
    assert sorted(each.name for each in (tmp_path / f"{name}.job").iterdir()) == ["_SUCCESS", "_counts", "_job.json"]
    if name == "out.parquet":
        assert parquet.read_table(tmp_path / name).equals(parquet.read_table(sorted((tmp_path / "folder").glob("p*"))))
        return
    each = [content.splitlines(keepends=True) for content in parts(tmp_path / "folder").values()]
    lines = [line for index, part in enumerate(each) for line in (part[1:] if index and name != "out.jsonl" else part)]
    assert (tmp_path / name).read_bytes() == b"".join(lines)


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


def test_several_files_are_one_job_and_named(run, write, rows, tmp_path):
    first, second = write("a.csv", rows(5)), write("b.csv", rows(7))
    run([second, first], tmp_path / "out", rows_per_part=4, keep="id")
    got = read_rows(tmp_path / "out")
    assert [(row["file"], row["row"]) for row in got] == [
        *((str(second), index) for index in range(7)),
        *((str(first), index) for index in range(5)),
    ]


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.parquet"])
def test_no_rows_give_an_empty_output_with_its_columns(run, tmp_path, name):
    if name == "out.parquet":
        pytest.importorskip("pyarrow")
    (tmp_path / "in.jsonl").write_bytes(b"")
    assert run(tmp_path / "in.jsonl", tmp_path / name).rows == 0
    if name == "out.csv":
        assert (
            tmp_path / name
        ).read_text() == "row,input,mask,rank,score,token,token_str,sequence,warnings,error,error_type\n"
    elif name == "out.parquet":
        assert "predictions" in pytest.importorskip("pyarrow.parquet").read_schema(tmp_path / name).names
    else:
        assert (tmp_path / name).read_bytes() == b""


def test_a_warning_is_in_its_row_and_counted(run, write, tmp_path):
    path = write("in.jsonl", [{"text": "[MASK] " + "cat " * 30 + "[MASK]"}, {"text": "[MASK] cat"}])
    totals = run(path, tmp_path / "out.jsonl", parameters={"truncation": "right"})
    first, second = read_rows(tmp_path / "out.jsonl")
    assert totals.warnings == 1
    assert "cut off 1 of the text's 2 masks" in first["warnings"][0]
    assert "warnings" not in second


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
    ],
)
def test_a_wrong_argument_is_named_and_nothing_is_written(run, write, rows, options, message):
    path = write("in.jsonl", rows(3))
    with pytest.raises(InputError, match=message):
        run(path, HERE / "out", **options)
    assert not (HERE / "out").exists()


def test_an_unknown_verb_is_refused(write, rows, tmp_path):
    with pytest.raises(InputError, match="verb must be one of predict"):
        fillmask.batch("dance", write("in.jsonl", rows(3)), tmp_path / "out")


def test_an_output_among_the_inputs_is_refused(run, write, rows, tmp_path):
    path = write("in.jsonl", rows(3))
    with pytest.raises(InputError, match="is an input"):
        run(path, path, force=True)
    with pytest.raises(InputError, match="holds an input"):
        run(path, tmp_path, force=True)
    assert len(read_rows(path)) == 3


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
