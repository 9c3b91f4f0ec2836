"""The model's argument, the same in every command."""

from types import SimpleNamespace

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from fillmask.cli.main import COMMANDS, main

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
