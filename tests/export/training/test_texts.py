"""Texts of every kind become documents, and an error names the file that cannot be read."""

import json
import lzma
from time import process_time

import pytest

from fillmask_export.training.errors import TrainingError
from fillmask_export.training.texts import documents

PLAIN = "One.\nTwo.\n\n\nThree.\n"
DOCUMENTS = [["One.", "Two."], ["Three."]]
RECORDS = [{"text": "One.\nTwo.\n"}, {"text": "Three."}]


def write(path, text):
    path.write_bytes(lzma.compress(text.encode()) if path.suffix == ".xz" else text.encode())
    return path


def read(*files, field="text"):
    return list(documents(files, field))


@pytest.mark.parametrize("name", ["a.txt", "a.b.txt", "a.txt.xz"])
def test_empty_lines_separate_documents(tmp_path, name):
    assert read(write(tmp_path / name, PLAIN)) == DOCUMENTS


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.xz"])
def test_a_line_of_jsonl_is_a_document(tmp_path, name):
    lines = "\n".join(map(json.dumps, RECORDS)) + "\n"
    assert read(write(tmp_path / name, lines)) == DOCUMENTS


def test_the_field_can_be_named(tmp_path):
    assert read(write(tmp_path / "a.jsonl", '{"body": "One."}'), field="body") == [["One."]]


def test_files_follow_one_another(tmp_path):
    files = write(tmp_path / "a.txt", "One."), write(tmp_path / "b.jsonl", '{"text": "Two."}')
    assert read(*files) == [["One."], ["Two."]]


def test_a_book_is_taken_in_parts(tmp_path):
    paragraphs = ["word " * 400 + "end." for _ in range(20)]
    parts = read(write(tmp_path / "a.txt", "\n".join(paragraphs)))
    assert len(parts) > 2
    assert [paragraph for part in parts for paragraph in part] == paragraphs


LONG = {
    "sentences": ("The old man walked to the river. " * 1000).strip(),
    "sentences without spaces": "老人は川まで歩いた。" * 3000,
    "words": ("word " * 9000).strip(),
    "letters": "ACGT" * 9000,
}


@pytest.mark.parametrize("name", LONG)
def test_a_long_paragraph_is_taken_in_parts_that_end_with_a_sentence_else_a_word(tmp_path, name):
    parts = read(write(tmp_path / "a.txt", LONG[name] + "\n"))
    pieces = [piece for part in parts for piece in part]
    assert len(parts) > 1
    assert max(map(len, pieces)) <= 10_000
    assert (" " if " " in LONG[name] else "").join(pieces) == LONG[name]
    if name != "letters":
        assert all(piece.endswith((".", "。", "word")) for piece in pieces)


def test_a_long_paragraph_is_split_in_a_time_that_grows_with_its_length(tmp_path):
    started = process_time()
    assert len(read(write(tmp_path / "a.txt", "word " * 1_000_000))) > 200
    assert process_time() - started < 10


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.pdf", b"x", r"unknown kind.*\*\.txt, "),
        ("a.txt", b"\xff\xfe", r"a\.txt cannot be read as UTF-8"),
        ("a.txt.xz", b"no xz", r"a\.txt\.xz cannot be read"),
        ("a.txt.xz", lzma.compress(b"word " * 9)[:-9], r"a\.txt\.xz cannot be read"),
        ("a.jsonl", b'{"text": "x"}\n{', r"a\.jsonl, line 2 is not JSON"),
        ("a.jsonl", b'{"body": "x"}', r"line 1 has no text in the field 'text'; --field"),
        ("a.jsonl", b'["x"]', "has no text in the field"),
        ("a.txt", b"One.\n" * 9000 + b"\xff", r"a\.txt cannot be read as UTF-8 text, somewhere after line [1-9]\d+: "),
        ("a.jsonl", b'{"text": "x"}\n{"text": "\\ud800 a"}', r"a\.jsonl, line 2 has a lone surrogate, \\ud800, in the"),
        (
            "a.jsonl",
            b'{"text": "a", "n": ' + b"1" * 5000 + b"}",
            r"a\.jsonl, line 1 is not JSON that can be read: Exceeds",
        ),
        ("a.jsonl", b"[" * 100_000, r"a\.jsonl, line 1 is not JSON that can be read: maximum recursion"),
    ],
)
def test_an_error_names_what_cannot_be_read(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TrainingError, match=message):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["a.txt", "a.txt.xz", "a.jsonl"])
def test_a_byte_order_mark_is_no_part_of_the_first_text(tmp_path, name):
    content = PLAIN if "txt" in name else "\n".join(map(json.dumps, RECORDS))
    assert read(write(tmp_path / name, "\ufeff" + content)) == DOCUMENTS
