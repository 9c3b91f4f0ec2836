"""The tutorial for proteins is run, with a toy model in the place of ESM-2."""

from pathlib import Path

import pytest

from tests.support import readme
from tests.support.proteins import load_protein

TEXT = (Path(__file__).parents[2] / "docs" / "proteins.md").read_text("utf-8")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    load_protein(tmp_path / "esm2")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_python_examples_give_what_stands_there():
    assert not (reports := readme.check_python(TEXT)), "".join(reports)


def test_commands_print_what_stands_there_and_write_their_files(folder):
    assert not (reports := readme.check_commands(TEXT, folder)), "\n".join(reports)
    assert (folder / "map.svg").read_text("utf-8").startswith("<?xml")
