import json
import re

import pytest
from click.testing import CliRunner

from fillmask.cli.main import main


@pytest.fixture
def listed(monkeypatch, native_folder):
    """Run ``fillmask models`` where the hub's cache is empty."""
    monkeypatch.setattr("fillmask.artifact.listing._of_the_cache", lambda: iter(()))
    return lambda *arguments: CliRunner().invoke(main, ["models", *map(str, arguments)])


def test_people_get_a_line_for_each_model(listed, native_folder):
    result = listed(native_folder)
    assert (result.exit_code, result.stderr) == (0, "")
    embedded, folder = result.stdout.splitlines()
    assert re.fullmatch(r"minilm-en +embedded +2\d\.\d MB  int8", embedded)
    assert re.fullmatch(rf"{re.escape(str(native_folder))}  folder +0\.\d MB  fp32, int8", folder)


def test_programs_get_a_document_for_each(listed, native_folder):
    documents = [json.loads(line) for line in listed("--json", native_folder).stdout.splitlines()]
    assert [(each["name"], each["place"], each["variants"]) for each in documents] == [
        ("minilm-en", "embedded", ["int8"]),
        (str(native_folder), "folder", ["fp32", "int8"]),
    ]


def test_a_folder_that_is_not_there_is_wrong_usage(listed):
    assert listed("nowhere").exit_code == 2
