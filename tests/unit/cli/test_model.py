"""The model's argument, the same in every command."""

from types import SimpleNamespace

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from fillmask.cli.main import COMMANDS, main
from fillmask.cli.model import find_checkpoint

WITH_ARGUMENT = ("bench", "info", "verify")
NONE = ("models", "pull", "push")


def options_of(name):
    command = main.get_command(None, name)
    return {each.opts[0]: each for each in command.params} | {each.opts[-1]: each for each in command.params}


@pytest.mark.parametrize("name", sorted({*COMMANDS, "serve"} - {*NONE}))
def test_every_command_takes_model_as_an_option(name):
    assert options_of(name)["--model"].opts == ["-m", "--model"]


@pytest.mark.parametrize("name", WITH_ARGUMENT)
def test_commands_without_texts_take_it_as_an_argument_too(name):
    result = CliRunner().invoke(main, [name, "one", "-m", "two"])
    assert result.exit_code == 2
    assert "The model is given twice, as MODEL 'one' and as --model 'two'." in result.stderr


@pytest.mark.parametrize("arguments", [["NAME"], ["-m", "NAME"], ["--model", "NAME"], []])
def test_argument_and_option_mean_the_same(arguments, native_folder):
    given = [str(native_folder) if each == "NAME" else each for each in arguments]
    shown = CliRunner().invoke(main, ["info", *given]).stdout
    assert shown.split()[1] == (str(native_folder) if arguments else "minilm-en")


@pytest.mark.parametrize("command", [["export", "nowhere", "OUT"], ["train", "nowhere", "a.txt", "--out", "OUT"]])
def test_a_checkpoint_that_is_not_there_is_told_before_pytorch_is_imported(python, tmp_path, command):
    script = """
import os, sys
os.chdir(sys.argv.pop(1))
from fillmask.cli.main import main
try:
    main(sys.argv[1:], standalone_mode=False)
except SystemExit as ended:
    print(ended.code, "torch" in sys.modules)
"""
    assert python(script, tmp_path, *command, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path)) == "2 False\n"


def test_a_checkpoint_is_a_folder_or_an_id_with_a_revision(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("fillmask.artifact.hub.find_commit", lambda *arguments: asked.append(arguments))
    assert find_checkpoint(str(tmp_path), None) == (str(tmp_path), None)
    assert find_checkpoint("org/name@v1") == find_checkpoint("org/name", "v1") == ("org/name", "v1")
    assert asked == [("org/name", "v1")] * 2


@pytest.fixture
def models(monkeypatch):
    """The models on this machine."""
    found = [SimpleNamespace(name=name) for name in ("minilm-en", "models/bert", "org/name")]
    monkeypatch.setattr("fillmask.artifact.listing.list_models", lambda: found)


def completed(*arguments):
    *given, incomplete = arguments
    found = ShellComplete(main, {}, "fillmask", "_FILLMASK_COMPLETE").get_completions(given, incomplete)
    return [(each.type, each.value) for each in found]


@pytest.mark.usefixtures("models")
def test_completion_names_the_models_of_this_machine_or_else_folders():
    assert completed("predict", "-m", "m") == [("plain", "minilm-en"), ("plain", "models/bert")]
    assert completed("info", "org") == [("plain", "org/name")]
    assert completed("serve", "org") == [("plain", "org/name")]
    assert completed("verify", "x") == [("dir", "x")]


def test_completion_names_commands_and_options():
    assert ("plain", "predict") in completed("pr")
    assert ("plain", "--model") in completed("predict", "--mo")
