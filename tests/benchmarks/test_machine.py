import json
import multiprocessing
import subprocess
import sys
import time
from dataclasses import asdict
from importlib.metadata import version

import onnxruntime
import psutil
import pytest

from benchmarks.harness import machine


@pytest.fixture
def brief(monkeypatch):
    """Two seconds are long for a test."""
    monkeypatch.setattr(machine, "_BEFORE_S", 0.05)


def _spin(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_the_context_is_json_and_names_versions_and_machine():
    found = json.loads(json.dumps(machine.context()))
    assert found["packages"]["onnxruntime"] == onnxruntime.__version__
    assert found["cores"] == psutil.cpu_count()
    assert found["cpu_model"]
    assert isinstance(found["dirty"], (bool, type(None)))


def test_packages_that_are_missing_have_no_version():
    assert machine.installed_versions(["numpy", "no-such-package"]) == {"numpy": version("numpy")}


def test_variables_that_move_times_are_kept_and_no_others(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("FILLMASK_SECRET", "1")
    env = machine.context()["env"]
    assert env["OMP_NUM_THREADS"] == "1"
    assert "FILLMASK_SECRET" not in env


def test_a_folder_without_git_has_no_commit(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "_ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    found = machine.context()
    assert found["git_commit"] is None
    assert found["dirty"] is None


def test_what_this_process_and_its_children_do_is_their_own():
    own = machine.OwnSeconds()
    _spin(0.2)
    child = multiprocessing.get_context("spawn").Process(target=_spin, args=(0.3,))
    child.start()
    child.join()
    assert own.seconds() > 0.45


# Starts a process whose times are lost, as Ray does; it works for 0.6 seconds.
UNWAITED = """
import signal, subprocess, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time\\nwhile time.process_time() < 0.6: pass"])
child.wait()  # for its end; its times are lost
"""


def test_what_nobody_waited_for_is_their_own_too(monkeypatch):
    monkeypatch.setattr(machine, "_SAMPLE_S", 0.05)
    own = machine.OwnSeconds()
    with own.sampled():
        subprocess.run([sys.executable, "-c", UNWAITED], check=True)
    assert own.seconds() > 0.5


@pytest.mark.usefixtures("brief")
def test_what_others_do_is_foreign(monkeypatch):
    monkeypatch.setattr(machine.OwnSeconds, "seconds", lambda _: 0.0)  # as if the child were no child
    code = "while True: pass"
    with subprocess.Popen([sys.executable, "-c", code]) as other, machine.watch() as watch:
        time.sleep(0.5)
        other.kill()
    assert watch.foreign > 0.5 / (psutil.cpu_count() or 1) / 2
    assert {*asdict(watch)} == {"steal", "foreign", "load_before"}
