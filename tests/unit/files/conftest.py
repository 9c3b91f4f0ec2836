"""Jobs on a toy model: in this process, and as a process that can be killed."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from fillmask.files import ray_parts
from fillmask.files.batch import batch

WORDS = ["cat", "dog", "mat", "city", "red", "paris", "london"]


def texts(count):
    """Texts of several lengths; each seventh has no mask, each eleventh is too long for the model."""
    for index in range(count):
        word = WORDS[index % len(WORDS)]
        text = f"{'the ' * (index % 5)}[MASK] {word} sat on the mat."
        if index % 7 == 3:
            text = text.replace("[MASK]", "a")
        yield text + " cat" * 20 if index % 11 == 5 else text


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def rows():
    """Records for a number of rows."""
    return lambda count: [{"key": f"k{index}", "text": text} for index, text in enumerate(texts(count))]


@pytest.fixture
def write(tmp_path):
    """Write records into a file of the format that its name says."""

    def write(name, records):
        path = tmp_path / name
        if path.suffix == ".parquet":
            arrow = pytest.importorskip("pyarrow")
            pytest.importorskip("pyarrow.parquet").write_table(arrow.Table.from_pylist(records), path)
        elif path.suffix == ".jsonl":
            path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
        elif path.suffix == ".txt":
            path.write_text("".join(record["text"] + "\n" for record in records), "utf-8")
        else:
            with path.open("w", encoding="utf-8", newline="") as file:
                lines = csv.DictWriter(file, list(records[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
                lines.writeheader()
                lines.writerows(records)
        return path

    return write


@pytest.fixture
def run(native, monkeypatch):
    """Run a verb on files in this process, without waiting for the disk: a job flushes each part and its folder."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    return lambda inputs, out, verb="predict", **options: batch(verb, inputs, out, **{"model": native} | options)


@pytest.fixture
def start(native_folder):
    """Start ``fillmask batch predict`` as a process."""
    processes = []

    def start(*arguments, **options):
        command = [sys.executable, "-m", "fillmask", "batch", "predict", "-m", str(native_folder), "--variant", "fp32"]
        process = subprocess.Popen(
            [*command, *map(str, arguments)],
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def in_process(monkeypatch):
    """Run items by two actors in this process; the second takes every other part, backwards, and each part twice."""

    def map_items(items, actor, arguments, **_):
        actors = [actor(**arguments), actor(**arguments)]
        for index, item in enumerate(reversed(items)):
            batch = {name: np.array([value]) for name, value in item.items()}
            first, again = (actors[index % 2](batch) for _ in range(2))
            assert {name: first[name].tolist() for name in first} == {name: again[name].tolist() for name in again}
            yield {name: values[0] for name, values in first.items()}

    monkeypatch.setattr(ray_parts, "map_items", map_items)


def read_rows(path):
    """The records of a JSONL file, or of the JSONL parts of a folder."""
    paths = sorted(path.glob("part-*")) if path.is_dir() else [path]
    return [json.loads(line) for each in paths for line in each.read_bytes().splitlines()]


def parts(folder):
    """The bytes of each part of a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("part-*"))}
