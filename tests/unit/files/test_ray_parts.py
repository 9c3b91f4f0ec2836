"""Parts made on Ray: first without Ray, then on real clusters whose nodes, actors and drivers die."""

import gzip
import json
import os
import random
import shutil
import signal
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import psutil
import pytest

from fillmask.errors import InputError, JobError
from fillmask.files import ray_parts
from fillmask.files.part_maker import PartMaker
from tests.unit.files.conftest import parts
from tests.unit.files.test_batch_process import finish, kill_later

OUT, WHOLE = Path("out"), Path("whole")  # each test has a folder of its own
ROWS = 3000
FORMATS = ["jsonl", "csv", "parquet"]
NEEDS_RAY = pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray; run make test-ray")


def check_records(out, whole):
    """The same job and the same totals, whenever it was started."""
    first, second = (json.loads((folder / "_job.json").read_bytes()) for folder in (out, whole))
    assert first | {"start": ""} == second | {"start": ""}
    assert (out / "_SUCCESS").read_bytes() == (whole / "_SUCCESS").read_bytes()


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("output_format", FORMATS)
@pytest.mark.parametrize("name", ["in.csv", "in.parquet"])
def test_the_folder_is_that_of_one_machine(run, write, rows, output_format, name):
    pytest.importorskip("pyarrow")
    path = write(name, rows(45))
    options = {"output_format": output_format, "rows_per_part": 10}
    totals = run([path, path], WHOLE, **options)
    states = []
    assert run([path, path], OUT, ray="", report=states.append, **options) == totals
    assert parts(OUT) == parts(WHOLE)
    check_records(OUT, WHOLE)
    assert (states[0].fraction, states[-1].fraction, states[-1].made) == (0, 1, 90)
    (OUT / f"part-000003.{output_format}").unlink()
    assert run([path, path], OUT, ray="", **options) == totals
    assert parts(OUT) == parts(WHOLE)


@pytest.mark.usefixtures("in_process")
def test_too_many_errors_end_the_job_after_a_part(run, write, rows, tmp_path):
    path = write("in.jsonl", rows(45))
    with pytest.raises(JobError, match="rows have no result"):
        run(path, tmp_path / "out", ray="", rows_per_part=10, max_errors=0)
    assert 1 <= len(parts(tmp_path / "out")) < 5


def test_an_actor_with_another_model_or_input_ends_the_job(run, write, rows, native_copy, monkeypatch):
    path, shared = write("in.jsonl", rows(5)), {}

    def map_items(items, actor, arguments, **_):
        shared.update(arguments)
        yield from ()

    monkeypatch.setattr(ray_parts, "map_items", map_items)
    with pytest.raises(JobError, match="Ray made 0 of 1 parts; the same command makes the others"):
        run(path, OUT, model=native_copy, variant="fp32", ray="")
    batch = {name: np.array([0]) for name in ("index", "file", "row", "line", "offset")}
    manifest = native_copy / "fillmask.json"
    manifest.write_text(manifest.read_text() + "\n")
    summary = ray_parts.PartWorker(**shared)(batch)
    assert "the job of this machine is another one than the driver's: model.sha256 is" in summary["error"][0]
    path.unlink()
    assert "in.jsonl does not exist" in ray_parts.PartWorker(**shared)(batch)["error"][0]
    assert not parts(OUT)


def test_an_error_of_an_actor_is_raised_with_its_machine(run, write, rows, tmp_path, monkeypatch):
    summary = {"rows": 0, "errors": 0, "warnings": 0, "parts": 0, "error": "machine: disk full", "cpu": "a"}
    monkeypatch.setattr(ray_parts, "map_items", lambda *_, **__: (each for each in [summary]))
    with pytest.raises(JobError, match="machine: disk full"):
        run(write("in.jsonl", rows(5)), tmp_path / "out", ray="")


def test_an_error_ends_the_job_of_ray_also_while_the_error_is_kept(run, write, rows, tmp_path, monkeypatch):
    closed = []

    def map_items(*_, **__):
        try:
            yield {"error": "machine: disk full"}
        finally:
            closed.append(True)

    monkeypatch.setattr(ray_parts, "map_items", map_items)
    with pytest.raises(JobError, match="machine: disk full") as kept:
        run(write("in.jsonl", rows(5)), tmp_path / "out", ray="")
    assert kept.value.__traceback__
    assert closed


@pytest.mark.usefixtures("in_process")
def test_an_actor_stops_where_another_process_started_the_folder_over(run, write, rows, monkeypatch):
    path, make_at = write("in.jsonl", rows(45)), PartMaker.make_at

    def make_after_the_other(maker, folder, index, place):
        monkeypatch.setattr(PartMaker, "make_at", make_at)
        run(path, OUT, rows_per_part=20, force=True)
        return make_at(maker, folder, index, place)

    monkeypatch.setattr(PartMaker, "make_at", make_after_the_other)
    with pytest.raises(JobError, match=r"another process started .*out over, and this one stops"):
        run(path, OUT, ray="", rows_per_part=10)
    assert [len(content.splitlines()) for content in parts(OUT).values()] == [20, 20, 5]


def test_parts_that_were_not_made_do_not_count_as_complete(run, write, rows, monkeypatch):
    made = [{"rows": 5, "errors": 1, "warnings": 0, "parts": 1, "error": "", "cpu": "a"}] * 2
    monkeypatch.setattr(ray_parts, "map_items", lambda *_, **__: (each for each in made))
    with pytest.raises(JobError, match=r"part-000000\.jsonl was removed while the job ran; the same command makes it"):
        run(write("in.jsonl", rows(10)), OUT, ray="", rows_per_part=5)
    assert not (OUT / "_SUCCESS").exists()


def test_several_kinds_of_cpu_are_noted(run, write, rows, tmp_path, monkeypatch):
    made = [{"rows": 5, "errors": 1, "warnings": 0, "parts": 1, "error": "", "cpu": cpu} for cpu in "ab"]

    def map_items(*_, **__):
        for index, summary in enumerate(made):
            (tmp_path / f"out/part-{index:06d}.jsonl").touch()
            yield summary

    monkeypatch.setattr(ray_parts, "map_items", map_items)
    with pytest.warns(UserWarning, match="the parts were made on a and b"):
        run(write("in.jsonl", rows(10)), tmp_path / "out", ray="", rows_per_part=5)


def test_ray_takes_no_shard(run, write, rows, tmp_path):
    with pytest.raises(InputError, match="Ray makes every part"):
        run(write("in.jsonl", rows(5)), tmp_path / "out", ray="", shard="1/2")


# Real clusters


@pytest.fixture(scope="module")
def cluster():
    """A head without CPUs, where the driver connects, and two nodes of one CPU."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(2):
        made.add_node(num_cpus=1)
    made.wait_for_nodes()
    yield made
    made.shutdown()


@pytest.fixture
def whole(start, write, rows, tmp_path):
    """An input, and a function that gives the folder of a job that was not disturbed."""
    path = write("in.csv", rows(ROWS))

    def make(output_format):
        arguments = [path, "--format", output_format, "--rows-per-part", 20]
        assert finish(start(*arguments, "-o", tmp_path / "whole"))[0] == 0
        return arguments, tmp_path / "whole"

    return make


def check_same(out, whole):
    assert parts(out) == parts(whole)
    check_records(out, whole)
    assert not list(out.glob(".*"))


def wait_for_parts(process, out, count):
    while process.poll() is None and len(list(out.glob("part-*"))) < count:
        time.sleep(0.005)
    assert process.poll() is None


def actors():
    """The processes of actors, which Ray names by their class."""
    named = ((each, " ".join(each.info["cmdline"] or [])) for each in psutil.process_iter(["cmdline"]))
    return [each for each, name in named if name.startswith("ray::") and "PartWorker" in name]


@pytest.mark.parametrize("lost", ["node", "actor", "nothing"])
@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
@NEEDS_RAY
def test_what_dies_half_way_loses_and_doubles_nothing(cluster, start, whole, tmp_path, lost):
    arguments, wanted = whole("jsonl")
    out = tmp_path / "out"
    process = start(*arguments, "-o", out, "--ray", cluster.address)
    wait_for_parts(process, out, 20)
    if lost == "node":
        cluster.remove_node(list(cluster.worker_nodes)[-1], allow_graceful=False)
        cluster.add_node(num_cpus=1)  # for the tests behind this one
    elif lost == "actor":
        killed = actors()
        assert killed
        killed[0].kill()
    code, _, err = finish(process, seconds=300)
    assert code == 0, err.decode()
    check_same(out, wanted)


@pytest.mark.parametrize("output_format", FORMATS)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
@NEEDS_RAY
def test_a_driver_killed_twenty_times_makes_the_bytes_of_one_that_was_not(
    cluster, start, whole, tmp_path, output_format
):
    arguments, wanted = whole(output_format)
    out, chosen, running = tmp_path / "out", random.Random(output_format), 0
    for _ in range(20):
        process = start(*arguments, "-o", out, "--ray", cluster.address)
        running += kill_later(process, out, chosen)
    assert running
    assert finish(start(*arguments, "-o", out, "--ray", cluster.address))[0] == 0
    check_same(out, wanted)
    shutil.rmtree(out)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
@NEEDS_RAY
def test_a_signal_ends_the_driver_and_the_job_resumes_on_one_machine(cluster, start, whole, tmp_path):
    arguments, wanted = whole("jsonl")
    out = tmp_path / "out"
    process = start(*arguments, "-o", out, "--ray", cluster.address)
    wait_for_parts(process, out, 10)
    process.send_signal(signal.SIGTERM)
    code, _, err = finish(process)
    assert code == 143
    assert b"fillmask: stopped by SIGTERM; complete parts are kept\n" in err
    assert finish(start(*arguments, "-o", out))[0] == 0
    check_same(out, wanted)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
@NEEDS_RAY
def test_broken_inputs_are_errors_of_their_rows_or_one_line(cluster, start, tmp_path):
    path = Path("in.jsonl")
    path.write_bytes(b'{"text": "[MASK] cat"}\n{\n\xff\n{"text": 1}\n{"n": "\0"}\n{"text": "[MASK] \\u0000"}\n' * 30)
    arguments = ["--rows-per-part", 7, "--progress", "none"]
    for out, ray in (("whole", []), ("out", ["--ray", cluster.address])):
        assert finish(start(path, "-o", out, *arguments, *ray))[0] == 0
    check_same(Path("out"), Path("whole"))
    cut = Path("cut.jsonl.gz")
    cut.write_bytes(gzip.compress(path.read_bytes())[:-20])
    code, _, err = finish(start(cut, "-o", "other", *arguments, "--ray", cluster.address))
    assert (code, err.count(b"\n")) == (1, 1), err.decode()
    assert b"cut.jsonl.gz cannot be read past line" in err
    os.mkdir("blocked")
    Path("blocked/_counts").write_text("")
    code, _, err = finish(start(path, "-o", "blocked", *arguments, "--ray", cluster.address))
    assert code == 1
    assert b"cannot be written" in err
