"""Where the texts of a command come from."""

import io
import sys

import pytest

from fillmask import InputError
from fillmask.cli.inputs import read_texts, stdin_lines, without_texts


def lines(monkeypatch, content, encoding="utf-8"):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding=encoding))
    return list(stdin_lines())


def test_lines_come_without_their_ends(monkeypatch):
    assert lines(monkeypatch, b"one\r\ntwo \n\nthree") == ["one", "two ", "", "three"]
    assert lines(monkeypatch, b"") == []


def test_a_byte_order_mark_before_the_first_line_is_no_part_of_it(monkeypatch):
    assert lines(monkeypatch, b"\xef\xbb\xbfone\r\n\xef\xbb\xbftwo\n") == ["one", "\ufefftwo"]
    assert lines(monkeypatch, b"\xef\xbb\xbf") == []


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_lines_are_utf8_whatever_the_terminal_has(monkeypatch, encoding):
    assert lines(monkeypatch, "naïve 猫\n".encode(), encoding) == ["naïve 猫"]


def test_bytes_that_are_not_utf8_are_lone_surrogates_of_their_line(monkeypatch):
    assert lines(monkeypatch, b"a \xff b\nc\n") == ["a \udcff b", "c"]


def test_lines_are_read_one_at_a_time(monkeypatch):
    class Endless:
        def __iter__(self):
            return iter(lambda: "line\n", None)

        def isatty(self):
            return False

    monkeypatch.setattr(sys, "stdin", Endless())
    read = stdin_lines()
    assert [next(read) for _ in range(3)] == ["line"] * 3


@pytest.fixture
def stdin(tmp_path, monkeypatch):
    """Standard input that is a file."""
    (tmp_path / "stdin").write_text("one\ntwo\n")
    with (tmp_path / "stdin").open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        yield stream


def test_arguments_are_texts():
    assert read_texts(("a", "-"), None) == (("a", "-"), False, True, None)


@pytest.mark.parametrize(("texts", "file"), [((), None), (("-",), None), ((), "-")])
def test_a_dash_and_nothing_are_standard_input(stdin, texts, file):
    given = read_texts(texts, file)
    assert (list(given.texts), given.by_line, given.ready) == (["one", "two"], True, True)


def test_a_pipe_may_wait_for_results(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one\n")))
    assert not read_texts((), None).ready


def test_a_file_is_read_by_lines(tmp_path):
    (tmp_path / "texts").write_bytes(b"\xef\xbb\xbfone\r\n\xff\n")
    given = read_texts((), str(tmp_path / "texts"))
    assert (list(given.texts), given.by_line, given.ready) == (["one", "\udcff"], True, True)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputError, match=r"--file: .*missing cannot be read: No such file"):
        list(read_texts((), str(tmp_path / "missing")).texts)


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet", "a.tsv.gz", "a.txt.xz", "a.zst"])
def test_rows_and_compressed_files_are_no_lines_of_text(name):
    with pytest.raises(
        InputError, match=f"--file reads plain lines of text, and {name} holds .*`fillmask batch` reads"
    ):
        read_texts((), name)


def test_texts_and_a_file_are_too_much():
    with pytest.raises(InputError, match="give texts or --file, not both"):
        read_texts(("a",), "b")


def test_a_terminal_gets_a_prompt(monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdin", Terminal("one\ntwo\n"))
    assert list(stdin_lines()) == ["one", "two"]
    assert capsys.readouterr() == ("", "One text a line; Ctrl-D ends.\n")  # standard output may be a pipe


@pytest.mark.parametrize(("content", "lines"), [(b"", 0), (b"one\n", 1), (b"one\ntwo", 2), (b"\n\n", 2)])
def test_lines_are_counted_for_a_bar_where_results_leave_the_terminal_alone(tmp_path, monkeypatch, content, lines):
    (tmp_path / "texts").write_bytes(content)
    assert read_texts((), str(tmp_path / "texts")).total is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    given = read_texts((), str(tmp_path / "texts"))
    assert (given.total, len(list(given.texts))) == (lines, lines)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert read_texts((), str(tmp_path / "texts")).total is None


def test_a_terminal_without_texts_is_told_from_a_dash_a_file_and_a_pipe(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    assert without_texts((), None)
    assert not any(without_texts(*given) for given in [(("-",), None), (("a",), None), ((), "-"), ((), "file")])
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert not without_texts((), None)
