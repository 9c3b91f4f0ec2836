"""Inputs with faults at random: every row is there, with a result or an error, and nothing ends in a traceback.

The same holds of standard input and of Ray, whose parts are those of the file.
"""

import gzip
import json
import lzma
import os
import random
import subprocess
import sys
from contextlib import contextmanager, nullcontext

import pytest

from fillmask.errors import FillMaskError
from tests.unit.files.conftest import parts, read_rows, texts

FAULTS = [
    b"",
    b"\0",
    b"\xff\xfe",
    b'"',
    b"\n",
    b"\r",
    b",",
    b"\t",
    b"{",
    b"}",
    b"[" * 2000,
    b"\\ud800",
    b"NaN",
    b"1e999",
    b"\xed\xa0\x80",
    "\u2028".encode(),
    b"x" * 200_000,
    b"null",
    b'{"text": null}\n',
    b'{"text": ["[MASK]"]}\n',
    b"\xef\xbb\xbf",
]
FORMATS = ["jsonl", "csv", "tsv", "txt"]


def content_of(suffix, chosen):
    """A file of 40 rows with some faults."""
    lines = [{"id": index, "text": text} for index, text in enumerate(texts(40))]
    if suffix == "jsonl":
        encoded = [json.dumps(line).encode() + b"\n" for line in lines]
    elif suffix == "txt":
        encoded = [line["text"].encode() + b"\n" for line in lines]
    else:
        delimiter = b"\t" if suffix == "tsv" else b","
        encoded = [b"id%stext\n" % delimiter]
        encoded += [b"%d%s%s\n" % (line["id"], delimiter, line["text"].encode()) for line in lines]
    content = bytearray(b"".join(encoded))
    for _ in range(chosen.randrange(1, 8)):
        fault, place = chosen.choice(FAULTS), chosen.randrange(len(content))
        content[place : place + chosen.choice([0, 0, 1, 30])] = fault
    mark = chosen.choice([b"", b"", b"\xef\xbb\xbf"])
    return mark + (content.replace(b"\n", b"\r\n") if chosen.random() < 0.2 else bytes(content))


def damage(content, suffix, chosen):
    """Compress a file, and sometimes cut it off or change a byte."""
    compress = {".gz": gzip.compress, ".xz": lzma.compress, ".zst": zstd, "": bytes}[suffix]
    damaged = bytearray(compress(content))
    kind = chosen.choice(["whole", "cut", "changed"]) if suffix else "whole"
    if kind == "cut":
        del damaged[chosen.randrange(len(damaged)) :]
    elif kind == "changed":
        damaged[chosen.randrange(len(damaged))] ^= 1 << chosen.randrange(8)
    return bytes(damaged)


def zstd(content):
    return pytest.importorskip("pyarrow").compress(content, "zstd", asbytes=True)


@contextmanager
def standard_input(path):
    """Let a file be standard input, for this process."""
    before = os.dup(0)
    try:
        with path.open("rb") as file:
            os.dup2(file.fileno(), 0)
        yield
    finally:
        os.dup2(before, 0)
        os.close(before)


def check_others(run, path, out, options, error):
    """Run the same through Ray, and through standard input if it is not compressed."""
    ways = [("ray", path, {"ray": ""})]
    if path.suffix[1:] in FORMATS:
        ways.append(("stdin", "-", {"input_format": {"txt": "lines"}.get(path.suffix[1:], path.suffix[1:])}))
    for name, inputs, more in ways:
        folder = out.with_name(f"{out.name}-{name}")
        with standard_input(path), nullcontext() if error is None else pytest.raises(type(error)):
            run(inputs, folder, **options, **more)
        if error is None:
            assert parts(folder) == parts(out)


def check(run, folder, seed):
    """Run one file; either it is refused with one line, or each of its rows is in the output."""
    chosen = random.Random(seed)
    suffix, compression = chosen.choice(FORMATS), chosen.choice(["", "", "", ".gz", ".xz", ".zst"])
    content = content_of(suffix, chosen)
    path, out = folder / f"in{seed}.{suffix}{compression}", folder / f"out{seed}"
    path.write_bytes(damage(content, compression, chosen))
    options = {"rows_per_part": 7, "flat": chosen.random() < 0.3, "keep": chosen.choice(["all", "id"])}
    try:
        totals = run(path, out, **options)
    except FillMaskError as error:  # test_batch_process.py and the tests of each step check the messages
        check_others(run, path, out, options, error)
        written = read_rows(out) if out.exists() else []
        assert len({row["row"] for row in written}) % 7 == 0
        return
    check_others(run, path, out, options, None)
    rows = read_rows(out)
    assert list(dict.fromkeys(row["row"] for row in rows)) == list(range(totals.rows))
    assert len({row["row"] for row in rows if "error" in row}) == totals.errors
    content = path.read_bytes()
    if suffix == "txt" and not compression:
        assert totals.rows == content.count(b"\n") + (not content.endswith(b"\n") and bool(content))


pytestmark = pytest.mark.usefixtures("in_process")


@pytest.mark.parametrize("seed", range(20))
def test_broken_inputs_lose_no_row(run, tmp_path, seed):
    check(run, tmp_path, seed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(20, 420, 50))
def test_more_broken_inputs_lose_no_row(run, tmp_path, first):
    for seed in range(first, first + 50):
        check(run, tmp_path, seed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 200, 50))
def test_parquet_with_a_changed_byte_is_no_crash(native_folder, tmp_path, first):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    source = tmp_path / "source.parquet"
    parquet.write_table(arrow.table({"text": list(texts(200))}), source, write_page_checksum=True, row_group_size=50)
    for seed in range(first, first + 50):
        content, chosen = bytearray(source.read_bytes()), random.Random(seed)
        content[chosen.randrange(len(content))] ^= 1 << chosen.randrange(8)
        (tmp_path / f"{seed}.parquet").write_bytes(content)
    command = [sys.executable, "-m", "fillmask", "batch", "predict", "-m", str(native_folder), "--progress", "none"]
    for seed in range(first, first + 50):
        arguments = [str(tmp_path / f"{seed}.parquet"), "-o", str(tmp_path / f"out{seed}"), "--rows-per-part", "30"]
        ended = subprocess.run([*command, *arguments], capture_output=True, check=False, timeout=60)
        assert ended.returncode in (0, 1, 2), (seed, ended.stderr)
        assert ended.stderr.count(b"\n") <= 1, (seed, ended.stderr)


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_rows_around_a_bad_one_have_their_results(run, tmp_path, suffix):
    start = {"jsonl": b'{"text": "', "csv": b"9,", "tsv": b"9\t", "txt": b""}[suffix]
    good = start + b"[MASK] cat" + (b'"}\n' if suffix == "jsonl" else b"\n")
    header = {"csv": b"id,text\n", "tsv": b"id\ttext\n"}.get(suffix, b"")
    bad = {"jsonl": b"{\n", "csv": b"1,2,3\n", "tsv": b"1\n", "txt": b"\xff\n"}[suffix]
    path = tmp_path / f"in.{suffix}"
    path.write_bytes(header + (good + bad) * 20 + good)
    totals = run(path, tmp_path / "out", rows_per_part=8)
    assert (totals.rows, totals.errors) == (41, 20)
    assert ["error" in row for row in read_rows(tmp_path / "out")] == [False, True] * 20 + [False]
