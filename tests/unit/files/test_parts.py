import errno
import json
import os
from pathlib import Path

import pytest

from fillmask.errors import InputError, JobError
from fillmask.files.parts import Counts, PartFolder, write_json


def test_the_totals_are_in_success(run, write, rows, tmp_path):
    totals = run(write("in.jsonl", rows(30)), tmp_path / "out", rows_per_part=7)
    assert json.loads((tmp_path / "out/_SUCCESS").read_bytes()) == {
        "rows": 30,
        "errors": totals.errors,
        "warnings": 0,
        "parts": 5,
    }


def test_nothing_remains_of_a_part_that_fails(tmp_path):
    folder = PartFolder(tmp_path / "out", ".jsonl")
    with pytest.raises(TypeError), folder.making(0, Counts()) as file:
        file.writelines([b"half", None])
    assert not [path for path in folder.path.rglob("*") if path.is_file()]


def test_a_part_is_on_the_disk_before_it_gets_its_name_and_its_folder_after(tmp_path, monkeypatch):
    steps, flush, rename = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: steps.append(os.fstat(file).st_ino) or flush(file))
    monkeypatch.setattr(os, "replace", lambda *paths: steps.append(paths[1].name) or rename(*paths))
    folder = PartFolder(tmp_path / "out", ".jsonl")
    with folder.making(0, Counts()) as file:
        file.write(b"{}\n")
    part, counts = folder.part(0), tmp_path / "out/_counts/part-000000.json"
    assert steps == [
        *(counts.stat().st_ino, counts.name, counts.parent.stat().st_ino),
        *(part.stat().st_ino, part.name, folder.path.stat().st_ino),
    ]


def test_a_part_has_its_counts_when_it_is_complete(tmp_path):
    folder, counts = PartFolder(tmp_path / "out", ".jsonl"), Counts(parts=1)
    with folder.making(3, counts) as file:
        assert folder.counts(3) is None
        file.write(b"{}\n")
        counts.rows = 1
    assert folder.part(3).name == "part-000003.jsonl"
    assert folder.part(3).read_bytes() == b"{}\n"
    assert folder.counts(3) == Counts(rows=1, parts=1)
    folder.part(3).unlink()
    assert folder.counts(3) is None


def test_clear_and_finish_remove_what_is_of_the_job_alone(tmp_path):
    folder = PartFolder(tmp_path, ".jsonl")
    for name in ("part-000000.jsonl", ".part-000001.jsonl.tmp-a-1", "._job.json.tmp-a-1", "_job.json", "notes"):
        (tmp_path / name).write_bytes(b"")
    folder.finish(Counts(rows=2, parts=1))
    assert folder.finished() == Counts(rows=2, parts=1)
    assert {path.name for path in tmp_path.iterdir()} == {"part-000000.jsonl", "_job.json", "_SUCCESS", "notes"}
    folder.clear()
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"rows": 1, "more": 2}'])
def test_counts_that_cannot_be_read_are_none(tmp_path, content):
    (tmp_path / "_SUCCESS").write_bytes(content)
    assert PartFolder(tmp_path, ".jsonl").finished() is None


@pytest.mark.parametrize(("document", "bytes_"), [({"a": "ß"}, '"ß"'.encode()), ({"a": "\udce9"}, rb'"\udce9"')])
def test_a_document_comes_back_as_it_was(tmp_path, document, bytes_):
    write_json(tmp_path / "a.json", document)
    content = (tmp_path / "a.json").read_bytes()
    assert (json.loads(content), bytes_ in content) == (document, True)


def test_a_part_of_a_folder_that_another_process_started_over_gets_no_name(tmp_path):
    (tmp_path / "_job.json").write_bytes(b"{}")
    folder = PartFolder(tmp_path, ".jsonl", b"{}")
    with folder.making(0, Counts()) as file:
        file.write(b"{}\n")
    for change in (lambda: (tmp_path / "_job.json").write_bytes(b'{"start": 1}'), (tmp_path / "_job.json").unlink):
        with pytest.raises(JobError, match=r"another process started .* over"), folder.making(1, Counts()) as file:
            change()
        with pytest.raises(JobError, match=r"another process started .* over"):
            folder.finish(Counts())
    assert not [each for each in tmp_path.rglob("*") if "000001" in each.name or each.name == "_SUCCESS"]


def test_the_folder_is_looked_at_once_more_when_the_part_is_on_the_disk(tmp_path, monkeypatch):
    (tmp_path / "_job.json").write_bytes(b"{}")
    folder, flush = PartFolder(tmp_path, ".jsonl", b"{}"), os.fsync

    def start_over_while_it_is_flushed(file):
        (tmp_path / "_job.json").write_bytes(b'{"start": 1}')
        flush(file)

    with pytest.raises(JobError, match="another process started"), folder.making(0, Counts()):
        monkeypatch.setattr(os, "fsync", start_over_while_it_is_flushed)
    assert not folder.part(0).exists()


def test_parts_that_were_removed_are_named(tmp_path):
    folder = PartFolder(tmp_path, ".jsonl")
    folder.part(0).touch()
    folder.check_parts(1)
    with pytest.raises(JobError, match=r"part-000001\.jsonl was removed while the job ran"):
        folder.check_parts(3)


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (PartFolder.clear, InputError),
        (lambda folder: folder.finish(Counts()), JobError),
        (PartFolder.remove_parts, JobError),
    ],
)
def test_what_this_user_may_not_remove_is_named(tmp_path, monkeypatch, step, kind):
    for name in (".part-000000.jsonl.tmp-a-1", "part-000000.jsonl"):
        (tmp_path / name).touch()

    def refuse(path, **_):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)  # root may remove everything
    with pytest.raises(kind, match=r"part-000000\.jsonl.* cannot be removed: Permission denied; "):
        step(PartFolder(tmp_path, ".jsonl"))


def test_counts_add_up():
    total = Counts(1, 2, 3, 4)
    total.add(Counts(10, 20, 30, 40))
    assert total == Counts(11, 22, 33, 44)
