from pathlib import Path

import pytest

from fillmask.errors import InputError
from fillmask.files.outputs import find_output


@pytest.mark.parametrize(
    ("out", "wanted", "found"),
    [
        ("out", None, ("jsonl", "out", None)),
        ("out", "csv", ("csv", "out", None)),
        ("out.csv", None, ("csv", "out.csv.job", "out.csv")),
        ("a/out.parquet", "parquet", ("parquet", "a/out.parquet.job", "a/out.parquet")),
        ("-", "tsv", ("tsv", None, None)),
    ],
)
def test_the_name_says_the_format_and_the_folder(out, wanted, found):
    pytest.importorskip("pyarrow")
    output = find_output(out, wanted, None)
    folder, file = output.folder and output.folder.path, output.file
    assert (output.format, folder, file) == (found[0], *(each and Path(each) for each in found[1:]))


@pytest.mark.parametrize(
    ("out", "wanted", "message"),
    [
        ("out.csv", "jsonl", "out.csv says csv, and the format is jsonl"),
        ("out", "xml", "format must be one of"),
        ("-", "parquet", "Parquet needs a file or a folder"),
    ],
)
def test_what_does_not_go_together_is_refused(out, wanted, message):
    pytest.importorskip("pyarrow")
    with pytest.raises(InputError, match=message):
        find_output(out, wanted, None)


def test_a_file_that_is_joined_has_every_part(tmp_path):
    output = find_output(tmp_path / "out.jsonl", None, None)
    output.folder.path.mkdir()
    for index in range(3):
        output.folder.part(index).write_bytes(b"%d\n" % index)
    output.join(3)
    assert (tmp_path / "out.jsonl").read_bytes() == b"0\n1\n2\n"
