"""The folder of an unfinished training: one process at a time, whole files, and damage that is named."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from fillmask_export.training.errors import TrainingError
from fillmask_export.training.recipe import Recipe
from fillmask_export.training.work import Work

# A process that has the lock of a training, without PyTorch, which takes seconds to import.
HOLD = """
import fcntl, sys
with open(sys.argv[1], "ab") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("under way", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def work(tmp_path):
    work = Work(tmp_path / "out")
    work.folder.mkdir()
    return work


def claim(work, *files, vocabulary=("a", "b")):
    tokens = dict(zip(vocabulary, range(len(vocabulary)), strict=True))
    return work.claim("encoder", SimpleNamespace(get_vocab=lambda: tokens), files, Recipe(steps=1))


def test_a_second_training_into_the_same_folder_is_refused(tmp_path):
    pytest.importorskip("fcntl")
    (tmp_path / "out.training").mkdir()
    command = [sys.executable, "-c", HOLD, str(tmp_path / "out.training" / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"under way\n"
        message = "another process trains in .*out.training; wait for it, or name another output folder"
        with pytest.raises(TrainingError, match=message), Work(tmp_path / "out").locked():
            pass
        process.communicate(b"\n")
    with Work(tmp_path / "out").locked():
        pass
    assert not list(tmp_path.iterdir())


def test_a_folder_with_files_stays(tmp_path):
    with Work(tmp_path / "out").locked():
        (tmp_path / "out.training" / "ids.bin").touch()
    assert (tmp_path / "out.training" / "ids.bin").exists()


def test_an_edit_that_keeps_the_size_and_the_time_is_another_text(work, tmp_path):
    text = tmp_path / "a.txt"
    text.write_text("one text")
    os.utime(text, (0, 0))
    assert not claim(work, text)
    work.note()
    assert claim(work, text)
    text.write_text("two text")
    os.utime(text, (0, 0))
    work.save({})
    with pytest.raises(
        TrainingError, match=r"other settings: files was .*'a.txt'.*, is .*; continue with its settings"
    ):
        claim(work, text)


def test_the_tokens_of_a_text_are_not_taken_for_those_of_another_that_was_read_meanwhile(work, tmp_path):
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    one.write_text("one")
    other.write_text("other")
    assert not claim(work, one)
    work.note()
    assert not claim(work, other)  # and is killed while it writes tokens
    assert not claim(work, one)


def test_of_many_files_those_that_differ_are_named(work, tmp_path):
    files = [tmp_path / f"{number}.txt" for number in range(3)]
    for file in files:
        file.write_text("text")
    claim(work, *files)
    work.note()
    work.save({})
    files[1].write_text("longer text")
    with pytest.raises(
        TrainingError, match=r"files was \[{'name': '1.txt', 'bytes': 4, [^{]*is \[{'name': '1.txt', [^{]*;"
    ):
        claim(work, *files)
    files[1].write_text("text")
    with pytest.raises(TrainingError, match=r"files was \[.*'0.txt'.*'2.txt'.*\], is \[.*'2.txt'.*'0.txt'"):
        claim(work, *files[::-1])


def test_a_text_that_changes_while_it_is_read_is_read_anew(work, tmp_path):
    text = tmp_path / "a.txt"
    text.write_text("one text")
    assert not claim(work, text)
    text.write_text("two text")
    with pytest.raises(TrainingError, match=r"a\.txt changed while it was read; start the same command again"):
        work.note()
    assert not claim(work, text)


def test_the_tokens_of_another_vocabulary_are_not_taken(work):
    assert not claim(work)
    work.note()
    assert claim(work)
    assert not claim(work, vocabulary=("b", "a"))


@pytest.mark.parametrize("content", ["", "{", "[1]", "1", '"text"', "[" * 100_000])
def test_damaged_settings_are_named(work, content):
    assert not claim(work)
    work.note()
    assert claim(work)
    (work.folder / "training.json").write_text(content)
    with pytest.raises(TrainingError, match=r"training\.json is damaged: .*; delete .*out\.training to start the"):
        claim(work)


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"\x80\x02.", b"garbage"])
def test_a_damaged_state_is_named(work, content):
    assert work.load() is None
    work.save({"a": torch.ones(2)})
    assert work.load()["a"].tolist() == [1, 1]
    (work.folder / "state.pt").write_bytes(content)
    with pytest.raises(TrainingError, match=r"state\.pt is damaged: .*; delete .*out\.training to start the training"):
        work.load()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("PytorchStreamWriter failed")])
def test_a_full_disk_keeps_the_last_state_and_says_what_to_do(work, monkeypatch, error):
    work.save({"steps": 1})

    def fail(_state, path):
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(TrainingError, match=r"out\.training cannot be written to: .*; free space there, and start the"):
        work.save({"steps": 2})
    assert work.load() == {"steps": 1}
    assert [path.name for path in work.folder.iterdir()] == ["state.pt"]


def test_an_error_of_a_file_that_is_read_is_not_one_of_the_disk(work):
    with pytest.raises(PermissionError), work.writing(OSError):
        raise PermissionError(13, "Permission denied", "texts.txt")
    with pytest.raises(TrainingError, match="cannot be written to"), work.writing(OSError):
        raise PermissionError(13, "Permission denied", str(work.folder / "ids.bin"))
