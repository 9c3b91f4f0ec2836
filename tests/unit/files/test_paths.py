import errno
import os
from pathlib import Path

import pytest

from fillmask.errors import InputError
from fillmask.files.paths import expand, format_of, known_format, name_files

POSIX = pytest.mark.skipif(os.name != "posix", reason="needs named pipes")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a.jsonl", "jsonl"),
        ("a.ndjson.gz", "jsonl"),
        ("a.txt.zst", "lines"),
        ("a.parquet", "parquet"),
        ("a.b", None),
        ("gz", None),
    ],
)
def test_the_ending_says_the_format(name, wanted):
    assert format_of(Path(name)) == wanted
    if wanted is None:
        with pytest.raises(InputError, match=f"{name} has none of the endings"):
            known_format(Path(name))


@POSIX
@pytest.mark.parametrize("name", ["pipe.jsonl", "/dev/null"])
def test_what_cannot_be_read_twice_is_refused_and_not_opened(tmp_path, name):
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(InputError, match=f"{name} is neither a file nor a folder, and a job reads its inputs more"):
        expand(name)


@POSIX
def test_a_folder_and_a_pattern_leave_out_pipes(tmp_path):
    os.mkfifo(tmp_path / "a.jsonl")
    (tmp_path / "b.jsonl").touch()
    assert [expand("."), expand("*.jsonl")] == [[Path("b.jsonl")]] * 2


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["data/a.csv"], ["a.csv"]),
        (["data/b.csv", "data/a.csv"], ["b.csv", "a.csv"]),
        (["data/one/a.csv", "data/two/a.csv", "data/one/../a.csv"], ["one/a.csv", "two/a.csv", "a.csv"]),
    ],
)
def test_files_are_named_by_their_place_below_their_folder_however_they_are_given(tmp_path, monkeypatch, paths, names):
    for folder in ("data/one", "data/two", "other"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "link").symlink_to("data")
    assert list(name_files([Path(path) for path in paths])) == names
    assert list(name_files([tmp_path / path for path in paths])) == names
    linked = [Path(paths[0].replace("data", "link")), *map(Path, paths[1:])]
    assert list(name_files(linked)) == names
    monkeypatch.chdir(tmp_path / "other")
    assert list(name_files([Path("..", path) for path in paths])) == names


def test_a_link_to_a_file_keeps_its_own_name(tmp_path):
    (tmp_path / "a.csv").symlink_to("blobs/0123")
    assert name_files([tmp_path / "a.csv", tmp_path / "b.csv"]) == ("a.csv", "b.csv")


@pytest.mark.parametrize("pattern", ["{0}/data/*.csv", "{0}/*/*.csv", "{0}/data/**/*.csv", "{0}/d*/known/*.csv"])
def test_a_folder_below_a_pattern_that_this_user_may_not_read_is_named(tmp_path, monkeypatch, pattern):
    known = tmp_path / "data" / "known"
    known.mkdir(parents=True)
    (known.parent / "a.csv").touch()
    (known / "b.csv").touch()
    secret = known if "known" in pattern or "**" in pattern else known.parent
    assert expand(pattern.format(tmp_path))
    scandir = os.scandir

    def refuse(path="."):  # root may read everything
        if not isinstance(path, int) and Path(os.fsdecode(path)) == secret:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=f"{secret} cannot be read: Permission denied"):
        expand(pattern.format(tmp_path))


def test_a_folder_that_a_pattern_does_not_search_need_not_be_readable(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").touch()
    scandir = os.scandir

    def refuse(path="."):
        if not isinstance(path, int) and Path(os.fsdecode(path)) != tmp_path / "data":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert expand(f"{tmp_path}/data/*.csv") == [tmp_path / "data" / "a.csv"]


@pytest.mark.parametrize(("method", "name"), [("iterdir", "data"), ("exists", "data/*.csv"), ("is_dir", "data")])
def test_what_this_user_may_not_read_is_named(tmp_path, monkeypatch, method, name):
    (tmp_path / "data").mkdir()

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, method, refuse)  # root may read everything
    with pytest.raises(InputError) as refused:
        expand(name)
    assert str(refused.value) == f"{name} cannot be read: Permission denied"
