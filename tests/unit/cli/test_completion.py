"""What shells complete: click's own answers, and the line of docs/command-line.md in each shell of this machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from fillmask.cli.main import main
from tests.support import toys

BIN = Path(sys.executable).parent


def completed(*arguments):
    *given, incomplete = arguments
    found = ShellComplete(main, {}, "fillmask", "_FILLMASK_COMPLETE").get_completions(given, incomplete)
    return [each.value if each.type == "plain" else (each.type, each.value) for each in found]


@pytest.mark.parametrize(
    "command",
    [
        ["batch", "predict"],
        ["batch", "predict", "a.jsonl"],
        ["batch", "predict", "a.jsonl", "-o"],
        ["predict", "-f"],
        ["export", "CHECKPOINT", "OUT", "--calibration"],
        ["train", "ENCODER"],
        ["marginals", "MKT", "--variants"],
        ["serve", "--api-key-file"],
    ],
)
def test_what_names_a_file_completes_files(command):
    assert completed(*command, "x") == [("file", "x")]


@pytest.mark.parametrize("command", [["export"], ["train"], ["push"], ["models"]])
def test_what_names_a_folder_completes_folders(command):
    assert completed(*command, "x") == [("dir", "x")]


def test_verbs_and_providers_complete():
    assert completed("batch", "") == ["classify", "infill", "marginals", "predict", "rank", "score"]
    assert completed("batch", "pr") == ["predict"]
    assert "cpu" in completed("predict", "--provider", "C")


def test_variants_are_those_of_the_named_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "none"))
    toys.write_native(Path("toy"))
    assert completed("predict", "--variant", "") == ["auto", "int8"]
    assert completed("predict", "-m", "toy", "--variant", "") == ["auto", "fp32", "int8"]
    assert completed("info", "toy", "--variant", "") == ["auto", "fp32", "int8"]
    assert completed("predict", "-m", "nowhere", "--variant", "f") == ["fp32"]


def ran(shell, *arguments):
    """What a shell prints that finds this environment's command first."""
    if not shutil.which(shell) or not (BIN / "fillmask").exists():
        pytest.skip(f"needs {shell}, and fillmask installed")
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    ended = subprocess.run([shell, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert not ended.stderr
    return ended.stdout.split()


def lines_of_the_page():
    page = (Path(__file__).parents[3] / "docs" / "command-line.md").read_text("utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if "_FILLMASK_COMPLETE=" in line]
    return {row[0].strip("| "): row[1].strip("` ").replace("\\|", "|") for row in rows}


def test_bash_completes_with_the_line_of_the_page():
    line = lines_of_the_page()["bash"]
    assert ran("bash", "-c", f"{line}; COMP_WORDS=(fillmask pre); COMP_CWORD=1; _fillmask_completion fillmask; "
                             f"echo ${{COMPREPLY[@]}}") == ["predict"]  # fmt: skip


def test_zsh_registers_the_command_with_the_line_of_the_page():
    line = lines_of_the_page()["zsh"]
    assert ran("zsh", "-f", "-c", f"{line}; echo $_comps[fillmask]") == ["_fillmask_completion"]


def test_fish_completes_with_the_line_of_the_page():
    line = lines_of_the_page()["fish"]
    assert ran("fish", "--no-config", "-c", f'{line}; complete -C "fillmask pre"')[0] == "predict"
