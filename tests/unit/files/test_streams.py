import gzip
import lzma
import random
import sys

import pytest

from fillmask.errors import InputError, JobError
from fillmask.files import streams
from fillmask.files.streams import ByteLines

LINES = [b"one", b"", b"three \xff", "vierß".encode()]


def compress(suffix, content):
    if suffix == ".gz":
        return gzip.compress(content)
    if suffix == ".xz":
        return lzma.compress(content)
    return content


def compressed_file(path, content):
    if path.suffix == ".zst":
        arrow = pytest.importorskip("pyarrow")
        with arrow.CompressedOutputStream(arrow.OSFile(str(path), "wb"), "zstd") as stream:
            stream.write(content)
    else:
        path.write_bytes(compress(path.suffix, content))
    return path


def read(path):
    lines = ByteLines(path)
    try:
        return list(lines)
    finally:
        lines.close()


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".zst"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_lines_come_without_their_ends(tmp_path, suffix, end, last):
    content = end.join(LINES) + (end if last else b"")
    assert read(compressed_file(tmp_path / f"a.txt{suffix}", content)) == LINES


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_members_one_after_the_other_are_one_file(tmp_path, suffix):
    path = compressed_file(tmp_path / f"a{suffix}", b"one\ntw")
    path.write_bytes(path.read_bytes() + compressed_file(tmp_path / f"b{suffix}", b"o\n").read_bytes())
    assert read(path) == [b"one", b"two"]


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
@pytest.mark.parametrize("keep", [0.3, 0.7, 0.99])
def test_a_truncated_archive_is_an_error_behind_the_lines_before_it(tmp_path, suffix, keep):
    content = random.Random(0).randbytes(1 << 20)
    path = compressed_file(tmp_path / f"a{suffix}", content)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    lines, got = ByteLines(path), []
    with pytest.raises(JobError, match=rf"a{suffix} cannot be read past line \d+: "):
        got.extend(lines)
    lines.close()
    assert len(got) < content.count(b"\n")


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_what_is_no_archive_is_an_error(tmp_path, suffix):
    if suffix == ".zst":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"plain text\n" * 100)
    with pytest.raises(JobError, match="cannot be read past line 0"):
        read(path)


def test_a_line_beyond_the_limit_is_none_and_never_held(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "MAX_LINE", 10)
    monkeypatch.setattr(streams, "_BUFFER", 4)
    path = tmp_path / "a"
    path.write_bytes(b"0123456789\n" + b"x" * 1000 + b"\nshort\n" + b"y" * 11)
    assert read(path) == [b"0123456789", None, b"short", None]


def test_a_byte_order_mark_is_no_text_and_utf_16_is_refused(tmp_path):
    (tmp_path / "a").write_bytes("\ufeffone\n\ufefftwo".encode())
    assert read(tmp_path / "a") == [b"one", "\ufefftwo".encode()]
    (tmp_path / "b").write_bytes("one".encode("utf-16"))
    with pytest.raises(InputError, match="is UTF-16; convert it to UTF-8"):
        ByteLines(tmp_path / "b")


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        ByteLines(tmp_path / "missing")


def test_without_pyarrow_zst_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "a.zst").write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.zst: zst needs pyarrow.*pip install '.\[batch\]'"):
        ByteLines(tmp_path / "a.zst")


def test_the_fraction_ends_at_one(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"line\n" * 200_000)
    lines = ByteLines(path)
    fractions = [lines.fraction() for _ in lines]
    lines.close()
    assert fractions == sorted(fractions)
    assert 0 < fractions[0] < 0.5 < fractions[-1] == 1


def test_lines_come_whole_where_that_is_wanted(tmp_path):
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfone\r\n\ntwo\r")
    lines = ByteLines(tmp_path / "a")
    assert list(lines.whole()) == [b"one\r\n", b"\n", b"two\r"]
    lines.close()
