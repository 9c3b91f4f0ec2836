"""The command ``fillmask info``."""

import json
import re

import pytest
from click.testing import CliRunner

from fillmask import __version__
from fillmask.cli.main import main
from fillmask.runtime.session import Session
from tests.support import toys


@pytest.fixture
def cli():
    """Run a command and give its result."""
    return lambda *arguments, **options: CliRunner().invoke(main, list(map(str, arguments)), **options)


def documents(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_info_shows_a_model_and_what_it_runs_on(cli, native_folder):
    result = cli("info", "-m", native_folder)
    assert (result.exit_code, result.stderr) == (0, "")
    shown = dict(re.split(r"  +", line, maxsplit=1) for line in result.stdout.splitlines() if "  " in line)
    assert shown["model"] == str(native_folder)
    assert (shown["variants"], shown["variant"], shown["mask token"]) == ("fp32, int8", "int8", "[MASK]")
    assert f"fillmask {__version__}" in shown["versions"]


def test_info_as_json_is_one_document(cli, native_folder):
    (facts,) = documents(cli("info", "--json", "--variant", "fp32", "-m", native_folder))
    assert (facts["variant"], facts["variants"]) == ("fp32", ["fp32", "int8"])
    assert (facts["vocab_size"], facts["max_length"], facts["mask_token_id"]) == (toys.VOCAB_SIZE, toys.MAX_LENGTH, 4)
    assert facts["providers"] == ["CPUExecutionProvider"]


def test_info_shows_how_many_nodes_each_provider_was_given(cli, native_folder, monkeypatch):
    nodes = {"CUDAExecutionProvider": 6, "CPUExecutionProvider": 2}
    monkeypatch.setattr(Session, "nodes", nodes)
    shown = cli("info", "-m", native_folder).stdout
    assert re.search(r"^nodes +CUDAExecutionProvider 6 \(75%\), CPUExecutionProvider 2 \(25%\)$", shown, re.MULTILINE)
    assert documents(cli("info", "--json", "-m", native_folder))[0]["nodes"] == nodes


def test_facts_that_a_folder_does_not_hold_are_left_out(cli, foreign_folder):
    assert "None" not in cli("info", "-m", foreign_folder).stdout
