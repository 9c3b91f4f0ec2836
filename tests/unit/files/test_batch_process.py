"""``fillmask batch`` as a process: kills, signals, full disks, standard output."""

import json
import os
import random
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.unit.files.conftest import parts

HERE = Path()  # each test has a folder of its own

FORMATS = ["jsonl", "csv", "parquet"]
QUICK_FORMATS = ["jsonl", *(pytest.param(each, marks=pytest.mark.slow) for each in FORMATS if each != "jsonl")]
ROWS = 3000


def finish(process, seconds=120):
    """Wait for a process; a traceback is a failure."""
    out, err = process.communicate(timeout=seconds)
    assert b"Traceback" not in err, err.decode()
    return process.returncode, out, err


def kill_later(process, out, chosen):
    """Kill a process after some more parts and a moment, or at any time from its start; whether it still ran."""
    begin, more = len(list(out.glob("part-*"))), chosen.choice([0, 1, 5, 12])
    while more and process.poll() is None and len(list(out.glob("part-*"))) < begin + more:
        time.sleep(0.001)
    time.sleep(chosen.uniform(0, 0.05 if more else 1))
    running = process.poll() is None
    process.kill()
    process.communicate()
    return running


def killed_and_resumed(start, write, rows, output_format, *, kills, count=ROWS):
    chosen = random.Random(f"{output_format} {kills}")
    path, out = write("in.csv", rows(count)), HERE / "out"
    arguments = [path, "--format", output_format, "--rows-per-part", 20]
    assert finish(start(*arguments, "-o", HERE / "whole"))[0] == 0
    running = sum(kill_later(start(*arguments, "-o", out), out, chosen) for _ in range(kills))
    assert finish(start(*arguments, "-o", out))[0] == 0
    assert parts(out) == parts(HERE / "whole")
    assert (out / "_SUCCESS").read_bytes() == (HERE / "whole/_SUCCESS").read_bytes()
    assert not list(out.glob(".*"))
    return running


@pytest.mark.parametrize("output_format", QUICK_FORMATS)
def test_a_job_killed_three_times_has_the_bytes_of_one_that_was_not(start, write, rows, tmp_path, output_format):
    if output_format == "parquet":
        pytest.importorskip("pyarrow")
    assert killed_and_resumed(start, write, rows, output_format, kills=3, count=ROWS // 2)


@pytest.mark.slow
@pytest.mark.parametrize("output_format", FORMATS)
def test_a_job_killed_twenty_times_has_the_bytes_of_one_that_was_not(start, write, rows, tmp_path, output_format):
    if output_format == "parquet":
        pytest.importorskip("pyarrow")
    assert killed_and_resumed(start, write, rows, output_format, kills=20)


@pytest.mark.parametrize("output_format", QUICK_FORMATS)
def test_one_file_of_a_killed_job_has_the_bytes_of_one_that_was_not(start, write, rows, tmp_path, output_format):
    if output_format == "parquet":
        pytest.importorskip("pyarrow")
    path, chosen = write("in.csv", rows(500)), random.Random(output_format)
    arguments = [path, "--rows-per-part", 20, "-o"]
    whole, out = tmp_path / f"whole.{output_format}", tmp_path / f"out.{output_format}"
    assert finish(start(*arguments, whole))[0] == 0
    for _ in range(2):
        kill_later(start(*arguments, out), tmp_path / f"out.{output_format}.job", chosen)
    for _ in range(2):
        assert finish(start(*arguments, out))[0] == 0
        assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_drops_the_open_part_and_keeps_the_others(start, write, rows, number, code):
    path, out = write("in.jsonl", rows(20_000)), HERE / "out"
    process = start(path, "-o", out, "--rows-per-part", 500)
    while len(list(out.glob("part-*"))) < 2 and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(number)
    ended, _, err = finish(process)
    assert (ended, err.decode()) == (code, f"fillmask: stopped by {number.name}; complete parts are kept\n")
    assert not list(out.glob(".*"))
    assert 0 < len(parts(out)) < 40
    assert all(len(content.splitlines()) == 500 for content in parts(out).values())


@pytest.mark.parametrize("output_format", FORMATS)
@pytest.mark.parametrize("name", ["out", "out.{}"])
def test_a_full_disk_is_one_line_and_the_parts_before_it_stay(start, write, rows, output_format, name):
    if output_format == "parquet":
        pytest.importorskip("pyarrow")
    out = Path(name.format(output_format))
    folder = out if name == "out" else Path(f"{out}.job")
    # Texts without a result make small parts, and those behind them a part that is too large.
    path = write("in.jsonl", [{"text": "none"}] * 1200 + rows(1200))
    arguments = [path, "-o", out, "--rows-per-part", 600, "--format", output_format, "--id", "text", "--keep", "id"]
    size = {"jsonl": 100_000, "csv": 100_000, "parquet": 5_000}[output_format]
    code, _, err = finish(start(*arguments, preexec_fn=lambda: limit_files(size)))
    assert (code, err.count(b"\n")) == (1, 2), err.decode()  # the last state, and the error
    assert b"cannot be written: File too large; complete parts are kept" in err
    assert sorted(parts(folder)) == [f"part-{number:06d}.{output_format}" for number in range(2)]
    assert not list(folder.glob(".*"))
    assert finish(start(*arguments))[0] == 0


def limit_files(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_folder_that_cannot_be_made_is_one_line(start, write, rows, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = finish(start(write("in.jsonl", rows(3)), "-o", tmp_path / "file/out"))
    assert (code, err.count(b"\n")) == (1, 1)


@pytest.mark.parametrize("output_format", ["jsonl", "csv"])
def test_standard_output_streams_the_same_records(start, run, write, rows, output_format):
    path = write("in.jsonl", rows(200))
    arguments = [path, "--rows-per-part", 50, "--format", output_format, "--progress", "none"]
    code, out, err = finish(start(*arguments, "-o", "-"))
    assert (code, err) == (0, b"")
    run(path, HERE / f"out.{output_format}", rows_per_part=50)
    assert out == (HERE / f"out.{output_format}").read_bytes()


@pytest.mark.parametrize("input_format", ["jsonl", "csv", "lines"])
def test_standard_input_gives_the_records_of_a_file(start, run, write, rows, input_format):
    path = write({"lines": "in.txt"}.get(input_format, f"in.{input_format}"), rows(200))
    arguments = ["--rows-per-part", 50, "--progress", "none", "-o"]
    run(path, HERE / "file", rows_per_part=50)
    with path.open("rb") as content:
        process = start("-", "--input-format", input_format, *arguments, HERE / "piped", stdin=content)
        assert finish(process)[0] == 0
    assert parts(HERE / "piped") == parts(HERE / "file")


def test_a_job_that_reads_standard_input_is_not_resumed(start, write, rows, tmp_path):
    path, arguments = write("in.txt", rows(3)), ["-", "--input-format", "lines", "-o", tmp_path / "out"]
    with path.open("rb") as content:
        assert finish(start(*arguments, stdin=content))[0] == 0
    with path.open("rb") as content:
        code, _, err = finish(start(*arguments, stdin=content))
    assert (code, err.count(b"\n")) == (2, 1)
    assert b"a job that reads standard input cannot be resumed" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-"], b"standard input needs the name of its format, one of jsonl, csv, tsv, lines, got None"),
        (["-", "--input-format", "parquet"], b"standard input needs the name of its format"),
        (["-", "in.csv", "--input-format", "csv"], b"standard input cannot be read together with files"),
        (["-", "--input-format", "lines", "--shard", "1/2"], b"standard input is read by one process"),
        (["-", "--input-format", "lines", "--ray"], b"standard input is read by one process"),
        (["-", "--input-format", "csv"], b"standard input is empty; its first line must name its columns"),
    ],
)
def test_what_standard_input_does_not_take_is_one_line(start, arguments, message):
    with open("/dev/null", "rb") as empty:
        code, _, err = finish(start("-o", "out", *arguments, stdin=empty))
    assert (code, err.count(b"\n")) == (2, 1)
    assert message in err


def test_a_pipe_that_has_a_name_is_refused_and_loses_no_row(start, tmp_path):
    reader, writer = os.pipe()
    os.write(writer, b"[MASK] cat\n" * 1000)
    os.close(writer)
    arguments = [f"/dev/fd/{reader}", "--input-format", "lines", "-o", tmp_path / "out"]
    code, _, err = finish(start(*arguments, pass_fds=(reader,)))
    os.close(reader)
    assert (code, err.count(b"\n")) == (2, 1)
    assert b"a job reads its inputs more than once; write the rows of a pipe to standard input, which is '-'" in err
    assert not (tmp_path / "out").exists()


def test_a_signal_ends_a_job_that_waits_for_standard_input(start, tmp_path):
    process = start("-", "--input-format", "lines", "-o", tmp_path / "out", stdin=subprocess.PIPE)
    process.stdin.write(b"[MASK] cat\n")
    process.stdin.flush()
    begin = time.monotonic()
    while not (tmp_path / "out/_job.json").exists() and process.poll() is None and time.monotonic() < begin + 60:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert finish(process)[0] == 143


def test_standard_output_that_is_full_or_closed_is_no_traceback(start, write, rows):
    path = write("in.jsonl", rows(3000))
    with open("/dev/full", "wb") as full:
        code, _, err = finish(start(path, "-o", "-", "--progress", "none", stdout=full))
    assert (code, err) == (1, b"fillmask: standard output cannot be written: No space left on device\n")
    process = start(path, "-o", "-", "--progress", "none")
    process.stdout.close()
    assert process.wait(60) == 1
    assert process.stderr.read() == b""


def test_a_standard_error_that_is_full_or_unread_ends_no_job(start, write, rows):
    path = write("in.jsonl", rows(50))
    with open("/dev/full", "wb") as full:
        assert start(path, "-o", "full", stderr=full).wait(60) == 0
    process = start(path, "-o", "unread", "--progress", "json")
    process.stderr.close()
    assert process.wait(60) == 0
    assert parts(HERE / "full") == parts(HERE / "unread") != {}


def test_progress_is_json_where_it_is_wanted(start, write, rows, tmp_path):
    code, _, err = finish(start(write("in.jsonl", rows(50)), "-o", tmp_path / "out", "--progress", "json"))
    last = json.loads(err.splitlines()[-1])
    assert (code, last["rows"], last["fraction"], last["seconds_left"]) == (0, 50, 1.0, 0.0)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(start, write, rows, tmp_path):
    psutil = pytest.importorskip("psutil")

    def peak(name, count):
        path = write(name, rows(1000) * (count // 1000))
        process = start(path, "-o", tmp_path / f"{name}.out", "--rows-per-part", 5000)
        most, watched = 0, psutil.Process(process.pid)
        while process.poll() is None:
            most = max(most, watched.memory_info().rss)
            time.sleep(0.01)
        assert finish(process)[0] == 0
        return most

    small, large = peak("small.jsonl", 10_000), peak("large.jsonl", 200_000)
    assert large < small + 16e6, (small, large)
