import hashlib
import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from fillmask import FillMask
from fillmask.errors import InputError, JobError
from fillmask.files import job
from fillmask.files.records import Layout
from tests.unit.files.conftest import parts, read_rows

HERE = Path()  # each test has a folder of its own


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"parameters": {"top_k": 3}}, "parameters.top_k is 3, and there nothing"),
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


def test_none_where_it_is_not_the_default_is_another_job(run, write, rows):
    path, out = write("in.jsonl", rows(3)), HERE / "out"
    run(path, out, verb="infill", parameters={"top_k": None})
    assert run(path, out, verb="infill").rows == 3  # None is the default of top_k
    with pytest.raises(InputError, match=r"parameters\.normalize is null, and there nothing"):
        run(path, out, verb="infill", parameters={"normalize": None})


def test_a_model_without_placeholders_is_another_job(run, write, rows, native_folder):
    path, out = write("in.jsonl", rows(3)), HERE / "out"
    run(path, out)
    plain = FillMask(native_folder, variant="fp32", threads=1, placeholders=False)
    with pytest.raises(InputError, match=r"model\.placeholders is false, and there nothing"):
        run(path, out, model=plain)


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


def test_files_with_other_names_in_the_records_are_another_job(run, write, rows, tmp_path):
    for folder in ("one", "two", "three"):
        (tmp_path / folder).mkdir()
        os.utime(write(f"{folder}/a.csv", rows(3)), (1, 1))
    run(["one/a.csv", "two/a.csv"], HERE / "out")
    run(["one/a.csv", "two/a.csv"], HERE / "ids", id_column="key")
    with pytest.raises(InputError, match=r'inputs\.1\.file is "three/a\.csv", and there "two/a\.csv"'):
        run(["one/a.csv", "three/a.csv"], HERE / "out")
    assert run(["one/a.csv", "three/a.csv"], HERE / "ids", id_column="key").rows == 6  # no record has such a name


def test_a_copy_with_the_same_hash_is_the_same_job(run, write, rows, tmp_path):
    path, out = write("in.jsonl", rows(20)), tmp_path / "out"
    run(path, out, hash_inputs=True)
    recorded = json.loads((out / "_job.json").read_bytes())["inputs"][0]
    assert recorded["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert run(path, out).rows == 20  # without a hash, the time of change is compared
    os.utime(path, (1, 1))
    with pytest.raises(InputError, match=r"inputs\.0\.mtime"):
        run(path, out)
    assert run(path, out, hash_inputs=True).rows == 20
    path.write_bytes(path.read_bytes().replace(b"cat", b"dog"))
    with pytest.raises(InputError, match=r"inputs\.0\.sha256"):
        run(path, out, hash_inputs=True)


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
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="link is a link to nothing; remove it, or choose another folder"):
        run(path, link)


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("out", "options"), [("out", {}), ("out", {"shard": "1/2"}), ("out", {"ray": ""}), ("out.jsonl", {}), ("-", {})]
)
def test_inputs_that_change_while_a_job_runs_end_it(run, write, rows, out, options):
    path = write("in.jsonl", rows(20))

    def append(state):
        if state.made:
            path.write_bytes(path.read_bytes() + b"\n")

    changed = r"the inputs changed while the job ran: inputs\.0\.bytes is \d+, and there \d+ at its start; start over"
    with pytest.raises(JobError, match=changed):
        run(path, out, rows_per_part=10, report=append, **options)
    assert not (HERE / "out/_SUCCESS").exists()
    assert not (HERE / "out.jsonl").exists()
    if out == "out":
        with pytest.raises(InputError, match=r"inputs\.0\.bytes"):
            run(path, out, rows_per_part=10, **options)


def test_an_input_that_is_removed_while_a_job_runs_ends_it(run, write, rows):
    path = write("in.jsonl", rows(20))
    with pytest.raises(JobError, match=r"changed while the job ran: .*in\.jsonl cannot be read: No such file"):
        run(path, HERE / "out", report=lambda state: state.made and path.unlink())


def test_with_hashes_a_change_is_seen_by_the_time(run, write, rows):
    path = write("in.jsonl", rows(20))
    options = {"hash_inputs": True, "rows_per_part": 10}
    os.utime(path, (1, 1))
    run(path, HERE / "out", **options)
    (HERE / "out/part-000001.jsonl").unlink()
    os.utime(path, (2, 2))  # a copy, which is the same job
    with pytest.raises(JobError, match=r"inputs\.0\.mtime is 3\.0, and there 2\.0"):
        run(path, HERE / "out", report=lambda state: state.made and os.utime(path, (3, 3)), **options)
    assert run(path, HERE / "out", **options).parts == 2


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are UTF-8")
def test_a_file_whose_name_is_not_utf_8_is_run_and_its_job_resumed(run, write, rows):
    named = os.fsdecode(b"caf\xe9.jsonl")
    os.rename(write("in.jsonl", rows(20)), named)
    run(named, HERE / "out", rows_per_part=10)
    recorded = json.loads((HERE / "out/_job.json").read_bytes())["inputs"][0]
    assert recorded["name"] == named
    (HERE / "out/part-000001.jsonl").unlink()
    assert run(named, HERE / "out", rows_per_part=10).parts == 2
    write("more.jsonl", rows(3))
    run([named, "more.jsonl"], HERE / "two")
    assert read_rows(HERE / "two")[0]["file"] == named
    for name in ("two.csv", "two.parquet") if find_spec("pyarrow") else ("two.csv",):
        assert run([named, "more.jsonl"], HERE / name).rows == 23


def test_a_job_that_is_joined_keeps_its_start_and_one_that_is_started_over_gets_another(run, write, rows):
    path, starts = write("in.jsonl", rows(20)), []
    for options in ({"shard": "1/2"}, {"shard": "2/2"}, {}, {"force": True}):
        run(path, HERE / "out", rows_per_part=10, **options)
        starts.append(json.loads((HERE / "out/_job.json").read_bytes())["start"])
    assert (len(starts[0]), len({*starts[:3]}), len({*starts})) == (32, 1, 2)


def test_a_job_of_an_earlier_version_has_no_start_and_is_resumed(run, write, rows):
    path, recorded = write("in.jsonl", rows(20)), HERE / "out/_job.json"
    run(path, HERE / "out", rows_per_part=10)
    document = json.loads(recorded.read_bytes())
    del document["start"]
    recorded.write_text(json.dumps(document))
    (HERE / "out/part-000000.jsonl").unlink()
    assert run(path, HERE / "out", rows_per_part=10).parts == 2
    assert recorded.read_text() == json.dumps(document)


@pytest.fixture
def start_over(run, monkeypatch):
    """Let another process start a folder over while a job is in its first part. It stops after its own first part."""

    def start_over(path, out, **change):
        shape = Layout.shape

        def shape_after_the_other(layout, row, outcome):
            monkeypatch.setattr(Layout, "shape", shape)
            with pytest.raises(JobError, match="rows have no result"):
                run(path, out, rows_per_part=10, force=True, max_errors=0, **change)
            return shape(layout, row, outcome)

        monkeypatch.setattr(Layout, "shape", shape_after_the_other)

    return start_over


@pytest.mark.parametrize("change", [{"parameters": {"top_k": 1}}, {}])
def test_a_process_stops_before_its_next_part_when_another_one_starts_its_folder_over(
    run, write, rows, start_over, change
):
    path, out = write("in.jsonl", rows(60)), HERE / "out"
    run(path, HERE / "whole", rows_per_part=10, **change)
    start_over(path, out, **change)
    with pytest.raises(JobError, match="another process started out over, and this one stops"):
        run(path, out, rows_per_part=10)
    assert list(parts(out)) == ["part-000000.jsonl"]
    run(path, out, rows_per_part=10, **change)
    assert parts(out) == parts(HERE / "whole")


def test_a_process_that_joins_its_parts_stops_too(run, write, rows, start_over):
    path, out = write("in.jsonl", rows(60)), HERE / "out.jsonl"
    start_over(path, out)
    with pytest.raises(JobError, match=r"another process started out\.jsonl\.job over, and this one stops"):
        run(path, out, rows_per_part=10)
    assert not out.exists()
    run(path, out, rows_per_part=10)
    assert len(read_rows(out)) == 60


def test_a_process_that_ends_beside_one_that_started_the_folder_over_completes_nothing(run, write, rows):
    path, started = write("in.jsonl", rows(20)), []

    def start_over(state):
        if state.fraction == 1 and not started:
            started.append(True)
            with pytest.raises(JobError):
                run(path, HERE / "out", rows_per_part=10, force=True, max_errors=0)

    run(path, HERE / "out", rows_per_part=10)
    (HERE / "out/_SUCCESS").unlink()
    with pytest.raises(JobError, match="another process started out over"):
        run(path, HERE / "out", rows_per_part=10, report=start_over)
    assert not (HERE / "out/_SUCCESS").exists()


def test_a_job_that_is_half_removed_is_no_other_job(run, write, rows, monkeypatch):
    path = write("in.jsonl", rows(20))
    run(path, HERE / "out", rows_per_part=10)
    unlink = Path.unlink

    def killed(path, **options):
        return 1 / 0 if path.name == "part-000001.jsonl" else unlink(path, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", killed)
        with pytest.raises(ZeroDivisionError):
            run(path, HERE / "out", rows_per_part=7, force=True)
    for size in (7, 10):
        with pytest.raises(InputError, match=r"_job\.json is another job: verb is .* start over with force"):
            run(path, HERE / "out", rows_per_part=size)
    assert run(path, HERE / "out", rows_per_part=7, force=True).parts == 3


def test_a_full_disk_does_not_keep_a_job_from_being_started_over(run, write, rows, monkeypatch):
    path = write("in.jsonl", rows(20))
    run(path, HERE / "out", rows_per_part=10)
    calls = []

    def full(path, document):
        calls.append(path)
        raise JobError("No space left on device")

    monkeypatch.setattr(job, "write_json", full)
    assert run(path, HERE / "out", rows_per_part=7, force=True).parts == 3
    assert len(calls) == 1
