import gzip
import os
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from fillmask.errors import JobError
from fillmask.files.inputs import Position, UnparsedRow, find_inputs
from fillmask.files.part_maker import PartMaker, find_places
from fillmask.files.parts import PartFolder
from fillmask.files.records import Layout
from fillmask.files.row_parameters import resolve_parameters
from fillmask.files.rows import Place
from fillmask.files.runner import Runner, choose_batches
from fillmask.files.verbs import VERBS
from tests.unit.files.conftest import parts


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


def test_progress_begins_once_more_behind_the_parts_that_are_complete(run, write, rows, tmp_path):
    path, out, states = write("in.jsonl", rows(60)), tmp_path / "out", []
    run(path, out, rows_per_part=10, report=states.append)
    assert [state.made for state in states].count(0) == 1
    for index in (3, 5):
        (out / f"part-00000{index}.jsonl").unlink()
    states.clear()
    run(path, out, rows_per_part=10, report=states.append)
    first, second, *others = states
    assert (first.made, first.fraction, second.made, second.counts.rows, second.counts.parts) == (0, 0, 0, 30, 3)
    assert second.fraction > 0
    assert others[-1].counts.rows == 60
    assert all(state.made for state in others)


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


@pytest.mark.parametrize("name", ["in.jsonl", "in.csv", "in.txt", "in.parquet", "in.jsonl.gz", "in.csv.gz"])
@pytest.mark.parametrize("size", [7, 10, 45])
def test_the_rows_from_a_place_on_are_those_of_the_part(write, rows, tmp_path, name, size):
    path = write(name.removesuffix(".gz"), [{"text": row["text"] + "\u2028ß"} for row in rows(45)])
    if "csv" in name:
        path.write_bytes(path.read_bytes().replace(b"the mat", b'""the\n\nmat').replace(b"\n1", b"\n\n1"))
    if name.endswith("jsonl"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\n\n  \r\n", 30))
    if name.endswith(".gz"):
        path = tmp_path / name
        path.write_bytes(gzip.compress((tmp_path / name.removesuffix(".gz")).read_bytes()))
    inputs = find_inputs([path, path], input_format=None, text="text", id_column=None)
    with closing(inputs.rows(Position())) as unparsed:
        every = [row.parse() for row in unparsed]
    places = list(find_places(inputs, size))
    assert len(places) == -(-len(every) // size)
    for index, place in enumerate(places):
        with closing(inputs.rows(Position(), place)) as unparsed:
            part = [row.parse() for row in islice(unparsed, size)]
        wanted = every[index * size : (index + 1) * size]
        assert [(row.index, row.text, str(row.error)) for row in part] == [
            (row.index, row.text, str(row.error)) for row in wanted
        ]


def test_inputs_without_rows_have_one_place(tmp_path):
    (tmp_path / "in.txt").touch()
    inputs = find_inputs("in.txt", input_format=None, text="text", id_column=None)
    assert list(find_places(inputs, 10)) == [Place()]


def test_a_part_made_from_its_place_has_the_same_bytes(run, write, rows, native, tmp_path):
    path = write("in.csv", rows(45))
    run(path, tmp_path / "whole", rows_per_part=10)
    inputs = find_inputs(path, input_format=None, text="text", id_column=None)
    layout = Layout(VERBS["predict"], inputs, "all", flat=False, fixed=False)
    parameters = resolve_parameters(native.model, VERBS["predict"], {})
    runner = Runner(native.model, layout, parameters, choose_batches(native.model, None, 1))
    folder = PartFolder(tmp_path / "out", ".jsonl")
    places = list(find_places(inputs, 10))
    for index in (3, 0, 4, 2, 1, 1):
        counts = PartMaker(runner, "jsonl", 10).make_at(folder, index, places[index])
        assert counts.rows == (5 if index == 4 else 10)
    assert parts(tmp_path / "out") == parts(tmp_path / "whole")


def test_the_first_rows_of_the_next_part_run_before_a_part_is_flushed(run, write, rows, tmp_path, monkeypatch):
    path, out = write("in.jsonl", rows(40)), tmp_path / "out"
    read = []
    parse, replace = UnparsedRow.parse, os.replace
    monkeypatch.setattr(UnparsedRow, "parse", lambda row: read.append(row.index) or parse(row))
    renamed = []
    monkeypatch.setattr(os, "replace", lambda *paths: renamed.append((paths[1].name, len(read))) or replace(*paths))
    run(path, out, rows_per_part=10)
    assert [each for each in renamed if each[0].startswith("part") and each[0].endswith("jsonl")] == [
        (f"part-{index:06d}.jsonl", min(10 * index + 20, 40)) for index in range(4)
    ]


@pytest.mark.parametrize("missing", [[0], [0, 3], [0, 1, 3], [1, 4]])
def test_a_part_is_written_before_the_complete_parts_behind_it_are_read_over(run, write, rows, monkeypatch, missing):
    path, out, read = write("in.jsonl", rows(60)), Path("out"), PartMaker._rows
    run(path, out, rows_per_part=10)
    whole = parts(out)
    paths = {index: out / f"part-{index:06d}.jsonl" for index in missing}
    for each in paths.values():
        each.unlink()

    def watched(maker):
        for row in read(maker):
            yield row
            part = row.index // 10
            if part not in missing:  # its first row tells that there is such a part
                assert all(each.exists() for index, each in paths.items() if index < part)

    monkeypatch.setattr(PartMaker, "_rows", watched)
    run(path, out, rows_per_part=10)
    assert parts(out) == whole


def test_a_shard_that_meets_parts_of_others_counts_them_in_order(run, write, rows, tmp_path):
    path, out = write("in.jsonl", rows(60)), tmp_path / "out"
    run(path, out, rows_per_part=10, shard="2/2")
    whole = run(path, out, rows_per_part=10)
    assert (whole.rows, whole.parts) == (60, 6)
    (out / "part-000000.jsonl").unlink()
    (out / "part-000005.jsonl").unlink()
    assert run(path, out, rows_per_part=10, shard="1/2").parts == 5


@pytest.fixture
def beside(run, monkeypatch):
    """Run a shard, and another one meanwhile: it ends just before the first gives its last part its name."""

    def both(path, out, last, **options):
        ended, replace = [], os.replace

        def replace_after_the_other(source, target):
            if target.name == last:
                ended.append(run(path, out, rows_per_part=10, shard="2/2"))
            replace(source, target)

        monkeypatch.setattr(os, "replace", replace_after_the_other)
        return run(path, out, rows_per_part=10, shard="1/2", **options), ended[0]

    return both


def test_of_shards_that_run_at_the_same_time_the_one_that_ends_last_finds_all_parts(run, write, rows, beside, tmp_path):
    path, out = write("in.jsonl", rows(60)), tmp_path / "out"
    whole = run(path, tmp_path / "whole", rows_per_part=10)
    last, other = beside(path, out, "part-000004.jsonl")
    assert (other.rows, other.parts) == (50, 5)
    assert last == whole
    assert (out / "_SUCCESS").read_bytes() == (tmp_path / "whole/_SUCCESS").read_bytes()
    assert parts(out) == parts(tmp_path / "whole")


def test_bad_rows_in_parts_that_others_made_meanwhile_stop_the_job(write, rows, beside, tmp_path):
    path, out = write("in.jsonl", rows(60)), tmp_path / "out"
    with pytest.raises(JobError, match="of 60 rows have no result"):
        beside(path, out, "part-000004.jsonl", max_errors=12)
    assert len(parts(out)) == 6
    assert not (out / "_SUCCESS").exists()


@pytest.mark.parametrize("limit", [0, "3", "1%"])
def test_too_many_bad_rows_stop_the_job_after_the_part(run, write, rows, tmp_path, limit):
    path, out = write("in.jsonl", rows(60)), tmp_path / "out"
    with pytest.raises(JobError, match="of 20 rows have no result"):
        run(path, out, rows_per_part=20, max_errors=limit)
    assert list(parts(out)) == ["part-000000.jsonl"]
    assert not (out / "_SUCCESS").exists()
    assert run(path, out, rows_per_part=20, max_errors="50%").parts == 3
