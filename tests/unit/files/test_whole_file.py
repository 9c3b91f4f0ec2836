import errno
import os
from contextlib import nullcontext
from threading import Thread

import pytest

from fillmask.files.whole_file import check_writable, replacing, write_new, write_whole
from tests.support.disks import refuse_folder_flush


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_when_all_of_it_is_written(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"before")
    with replacing(path) as file:
        file.write(b"after")
        assert path.read_bytes() == b"before"
    assert path.read_bytes() == b"after"
    with pytest.raises(TypeError), replacing(path) as file:
        file.writelines([b"half", None])
    assert (path.read_bytes(), names(tmp_path)) == (b"after", ["a"])


def test_a_file_is_whole_and_a_link_stays_one(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/a")
    for content in (b"first", b"second"):
        write_whole(tmp_path / "link", content)
        assert (tmp_path / "folder/a").read_bytes() == content
    assert (tmp_path / "link").is_symlink()
    assert (names(tmp_path), names(tmp_path / "folder")) == (["folder", "link"], ["a"])


def test_nothing_is_left_of_a_file_that_cannot_be_renamed(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    (tmp_path / "a").write_bytes(b"before")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "a", b"after")
    assert ((tmp_path / "a").read_bytes(), names(tmp_path)) == (b"before", ["a"])


@pytest.mark.skipif(os.name != "posix", reason="Windows opens no folders")
@pytest.mark.parametrize(("number", "fatal"), [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)])
def test_a_file_system_that_cannot_flush_a_folder_is_no_error(tmp_path, monkeypatch, number, fatal):
    refuse_folder_flush(monkeypatch, number)
    with pytest.raises(OSError, match=os.strerror(number)) if fatal else nullcontext():
        write_whole(tmp_path / "a", b"content")
    assert (tmp_path / "a").read_bytes() == b"content"


def test_a_file_that_cannot_be_flushed_is_an_error(tmp_path, monkeypatch):
    def fail(_):
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Invalid argument"), replacing(tmp_path / "a") as file:
        file.write(b"content")
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="needs named pipes")
def test_a_pipe_is_written_and_not_replaced_and_the_check_does_not_open_it(tmp_path):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    check_writable(pipe)
    reader = Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write_whole(pipe, b"content")
    reader.join(10)
    assert (got, pipe.is_fifo()) == ([b"content"], True)


def test_the_check_changes_nothing(tmp_path):
    (tmp_path / "a").write_bytes(b"before")
    os.utime(tmp_path / "a", (1, 1))
    for name in ("a", "new"):
        check_writable(tmp_path / name)
    assert ((tmp_path / "a").read_bytes(), (tmp_path / "a").stat().st_mtime) == (b"before", 1)
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("name", ["missing/a", "file/a", "link"])
def test_a_file_without_a_folder_is_found_before_it_is_written(tmp_path, name):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("missing/a")
    for write in (check_writable, lambda path: write_whole(path, b"")):
        with pytest.raises(OSError, match=r"No such file or directory|Not a directory"):
            write(tmp_path / name)
    assert names(tmp_path) == ["file", "link"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everything")
@pytest.mark.parametrize("name", ["a", "folder/a"])
def test_a_file_that_may_not_be_written_is_found_before(tmp_path, name):
    (tmp_path / "a").touch(0o444)
    (tmp_path / "folder").mkdir(0o555)
    with pytest.raises(PermissionError):
        check_writable(tmp_path / name)


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_a_file_keeps_its_mode(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"before")
    path.chmod(0o600)
    write_whole(path, b"after")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"after", 0o600)


def test_a_file_that_cannot_be_replaced_is_written_as_it_is(tmp_path, monkeypatch):
    """Such as one that is mounted by itself into a container."""

    def busy(*_):
        raise OSError(errno.EBUSY, "Device or resource busy")

    (tmp_path / "a").write_bytes(b"before")
    monkeypatch.setattr(os, "replace", busy)
    write_whole(tmp_path / "a", b"after")
    assert ((tmp_path / "a").read_bytes(), names(tmp_path)) == (b"after", ["a"])
    with pytest.raises(OSError, match="busy"):
        write_whole(tmp_path / "new", b"after")


def test_a_check_before_the_name_can_keep_the_file_from_it(tmp_path):
    (tmp_path / "a").write_bytes(b"before")
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "a", lambda: 1 / 0) as file:
        file.write(b"after")
    assert ((tmp_path / "a").read_bytes(), names(tmp_path)) == (b"before", ["a"])


def test_of_several_who_write_a_new_file_the_first_one_wins(tmp_path):
    for content in (b"first", b"second"):
        write_new(tmp_path / "a", content)
    assert ((tmp_path / "a").read_bytes(), names(tmp_path)) == (b"first", ["a"])


def test_a_new_file_is_written_where_there_are_no_links_too(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write_new(tmp_path / "a", b"content")
    assert ((tmp_path / "a").read_bytes(), names(tmp_path)) == (b"content", ["a"])
