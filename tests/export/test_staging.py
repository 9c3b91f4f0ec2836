"""A folder that appears complete or not at all, whatever ends the process that makes it."""

import errno
import os
import signal
import subprocess
import sys
from contextlib import nullcontext

import pytest

from fillmask_export import ExportError
from fillmask_export.staging import check_out, staging
from tests.support.disks import refuse_folder_flush

EXPORT = """
import sys
from pathlib import Path
from fillmask_export.cli import ending_signals
from fillmask_export.staging import staging
with ending_signals(), staging(Path(sys.argv[1])) as (folder, workspace):
    (workspace / "large").write_bytes(bytes(1000))
    print("under way", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def exporting(tmp_path):
    """Another process that makes ``out``; it ends with the test."""
    home = tmp_path / "home"
    home.mkdir()
    command = [sys.executable, "-c", EXPORT, str(home / "out")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"under way\n"
        process.out = home / "out"
        yield process
        process.kill()


def left(out):
    return [path.name for path in out.parent.iterdir()]


def make(out):
    with staging(out) as (folder, _):
        (folder / "model").touch()


def test_the_folder_appears_at_the_end_with_its_files_alone(tmp_path):
    out = tmp_path / "new" / "out"
    with staging(out) as (folder, workspace):
        (folder / "model").touch()
        (workspace / "temporary").touch()
        assert not out.exists()
    assert [path.name for path in out.iterdir()] == ["model"]
    assert left(out) == ["out"]


@pytest.mark.skipif(os.name != "posix", reason="Windows opens no folders")
@pytest.mark.parametrize(("number", "fatal"), [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)])
def test_a_file_system_that_cannot_flush_a_folder_is_no_error(tmp_path, monkeypatch, number, fatal):
    """CIFS and shared folders of virtual machines, for instance."""
    refuse_folder_flush(monkeypatch, number)
    with pytest.raises(OSError, match=os.strerror(number)) if fatal else nullcontext():
        make(tmp_path / "out")
    assert left(tmp_path / "out") == ([] if fatal else ["out"])


def test_an_error_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), staging(tmp_path / "out"):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_nothing(exporting, number):
    exporting.send_signal(number)
    assert exporting.wait(60) in (128 + number, -number)
    assert left(exporting.out) == []


def test_what_a_killed_export_left_is_removed_by_the_next_to_the_same_place_alone(exporting):
    exporting.kill()
    exporting.wait()
    (leftover,) = left(exporting.out)
    make(exporting.out.parent / "other")
    assert {*left(exporting.out)} == {"other", leftover}
    make(exporting.out)
    assert {*left(exporting.out)} == {"other", "out"}


def test_a_second_export_to_the_same_place_is_refused_at_the_start_and_the_first_goes_on(exporting):
    with pytest.raises(ExportError, match=r"another process exports to .*out, in .*; wait for it, or name another"):
        make(exporting.out)
    make(exporting.out.parent / "another")
    exporting.communicate(b"\n", timeout=60)
    assert exporting.returncode == 0
    assert {*left(exporting.out)} == {"another", "out"}


@pytest.mark.parametrize("suffix", ["-int8", "-abcdefgh", "-"])
def test_an_export_to_a_longer_name_is_another(tmp_path, suffix):
    with staging(tmp_path / f"out{suffix}"):
        make(tmp_path / "out")
    assert {*left(tmp_path / "out")} == {"out", f"out{suffix}"}


def test_a_folder_without_a_random_name_is_not_taken_for_what_an_export_left(tmp_path):
    (tmp_path / ".out-backup").mkdir()
    (tmp_path / ".out-backup" / "lock").touch()
    make(tmp_path / "out")
    assert {*left(tmp_path / "out")} == {"out", ".out-backup"}


def test_without_locks_the_folder_of_a_running_export_stays(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with staging(tmp_path / "out") as (folder, _):
        (folder / "model").touch()
        with pytest.raises(ZeroDivisionError), staging(tmp_path / "out"):
            raise ZeroDivisionError
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["model"]


def test_a_folder_that_appears_meanwhile_is_kept(tmp_path):
    with pytest.raises(ExportError, match="exists; name a folder that does not"), staging(tmp_path / "out"):
        (tmp_path / "out").mkdir()
    assert left(tmp_path / "out") == ["out"]


def test_a_link_to_nothing_and_to_something_is_refused(tmp_path):
    (tmp_path / "out").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ExportError, match="out is a link to nothing; name a folder that does not exist, or remove"):
        check_out(tmp_path / "out")
    (tmp_path / "nowhere").mkdir()
    with pytest.raises(ExportError, match="out exists"):
        check_out(tmp_path / "out")
