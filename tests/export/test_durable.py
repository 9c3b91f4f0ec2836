"""Files written completely or not at all, and locks that end with their process."""

import json
import subprocess
import sys

import pytest

from fillmask_export import durable

HOLD = """
import sys
from pathlib import Path
from fillmask_export.durable import try_lock
lock = try_lock(Path(sys.argv[1]))
print("locked", flush=True)
sys.stdin.read()
"""


def test_files_are_flushed_before_they_are_renamed_and_their_folder_after_it(tmp_path, monkeypatch):
    done, sync, replace = [], durable.sync, durable.os.replace
    monkeypatch.setattr(durable, "sync", lambda path: done.append(("sync", path.name)) or sync(path))
    monkeypatch.setattr(durable.os, "replace", lambda a, b: done.append(("rename", b.name)) or replace(a, b))
    durable.write_json(tmp_path / "a.json", {"a": 1})
    assert done == [("sync", "a.json.partial"), ("rename", "a.json"), ("sync", tmp_path.name)]
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": 1}


def test_of_a_file_that_fails_nothing_is_left_and_the_former_one_stays(tmp_path):
    durable.write_json(tmp_path / "a.json", 1)
    (tmp_path / "a.json.partial").write_text("half")
    with pytest.raises(ZeroDivisionError), durable.replacing(tmp_path / "a.json"):
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "1\n"


def test_every_file_and_folder_of_a_tree_is_flushed(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").touch()
    seen = []
    monkeypatch.setattr(durable, "sync", seen.append)
    durable.sync_tree(tmp_path)
    assert set(seen) == {tmp_path, tmp_path / "a", tmp_path / "a" / "b"}


def test_a_lock_keeps_another_process_out_until_its_holder_ends(tmp_path):
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"locked\n"
        assert durable.try_lock(path) is None
        holder.kill()
    with durable.try_lock(path) as lock:
        assert lock is not None


def test_a_lock_whose_file_was_removed_meanwhile_is_none(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    flock = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", lambda *arguments: flock(*arguments) or (tmp_path / "lock").unlink())
    assert durable.try_lock(tmp_path / "lock") is None


def test_whether_the_system_has_locks_is_known(tmp_path, monkeypatch):
    pytest.importorskip("fcntl")
    assert durable.has_locks()
    monkeypatch.setitem(sys.modules, "fcntl", None)
    assert not durable.has_locks()
    with durable.try_lock(tmp_path / "lock") as one, durable.try_lock(tmp_path / "lock") as other:
        assert one is not None
        assert other is not None
