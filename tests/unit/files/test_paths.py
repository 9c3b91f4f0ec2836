import os
from pathlib import Path

import pytest

from fillmask.errors import InputError
from fillmask.files.paths import expand, format_of, known_format

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
    with pytest.raises(InputError, match=f"{name} is neither a file nor a folder, and a job reads its inputs more than"):
        expand(name)


@POSIX
def test_a_folder_and_a_pattern_leave_out_pipes(tmp_path):
    os.mkfifo(tmp_path / "a.jsonl")
    (tmp_path / "b.jsonl").touch()
    assert [expand("."), expand("*.jsonl")] == [[Path("b.jsonl")]] * 2
