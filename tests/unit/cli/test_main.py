"""The table of commands, their help, and how wrong usage is reported."""

import re
from importlib import import_module

import pytest
from click.testing import CliRunner

from fillmask import __version__
from fillmask.cli.main import COMMANDS, main

TEXT = "the [MASK] sat on the mat."


@pytest.fixture
def cli():
    """Run a command and give its result."""
    return lambda *arguments, **options: CliRunner().invoke(main, list(map(str, arguments)), **options)


def one_line(result):
    """What is on standard error, which must be one line of the program's own."""
    assert re.fullmatch(r"fillmask: [^\n]+\n", result.stderr), result.stderr
    return result.stderr


@pytest.mark.parametrize("command", [["predict", TEXT], ["info"]])
def test_an_unknown_model_is_one_line_and_exit_code_2(cli, tmp_path, command):
    result = cli(command[0], "-m", tmp_path / "missing", *command[1:])
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{tmp_path / 'missing'} is not a folder" in one_line(result)


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "--no-such-option"],
        ["predict", "-k", "many", TEXT],
        ["predict", "--truncation", "left", TEXT],
        ["verify", "one", "two"],
        ["info", "one", "two"],
        ["no-such-command"],
    ],
)
def test_wrong_usage_is_explained_and_exit_code_2(cli, arguments):
    result = cli(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.match(r"Usage: .*\n(.*\n)*Error: ", result.stderr)


@pytest.mark.parametrize("command", [["info"], ["predict", "[MASK]"]])
def test_a_provider_is_taken_or_refused(cli, native_folder, command):
    assert cli(*command, "-m", native_folder, "--provider", "cpu").exit_code == 0
    for named, message in [
        ("Other", "'Other' is not in this ONNX Runtime"),
        ("Other:x", "got 'Other:x'"),
        ("cpu:foo=1", "CPUExecutionProvider takes no options, got foo"),
        ("cdua", "did you mean 'cuda'?"),
        ("GPU", "did you mean 'cuda'?"),
    ]:
        result = cli(*command, "-m", native_folder, "--provider", named)
        assert (result.exit_code, result.stdout) == (2, "")
        assert message in result.stderr


def test_help_lists_every_command_the_exporters_included(cli):
    result = cli("--help")
    assert result.exit_code == 0
    listed = re.findall(r"^  (\w+)  ", result.stdout.partition("Commands:")[2], re.MULTILINE)
    assert listed == sorted({*COMMANDS, "export", "serve", "train"})


@pytest.mark.parametrize("command", ["export", "info", "predict", "serve", "verify"])
def test_every_command_has_help_that_begins_with_what_it_does(cli, command):
    result = cli(command, "-h")
    assert result.exit_code == 0
    assert re.match(rf"Usage: main {command} .*\n\n  [A-Z].*", result.stdout)


def test_the_version_is_that_of_the_package(cli):
    assert __version__ in cli("--version").stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_row_of_the_table_is_a_command_of_that_name(name):
    module, _, attribute = COMMANDS[name].partition(":")
    assert getattr(import_module(module), attribute).name == name


def test_a_command_is_imported_when_it_is_used(python):
    script = "import sys; from fillmask.cli.main import main; print(sorted(set(sys.modules) & set(sys.argv[1:])))"
    assert python(script, *(row.partition(":")[0] for row in COMMANDS.values())) == "[]\n"


def test_a_row_of_the_table_comes_before_an_entry_point(cli, monkeypatch):
    monkeypatch.setitem(COMMANDS, "export", "fillmask.cli.info:info_command")
    assert "Show a model and what it runs on" in cli("export", "-h").stdout


def test_a_mistyped_command_is_told_the_right_one(cli):
    assert "No such command 'predcit'. Did you mean 'predict'?" in cli("predcit").stderr
    assert cli("zzz").stderr.endswith("No such command 'zzz'.\n")


@pytest.mark.parametrize("text", [TEXT, "[MASK]", "the <mask> sat"])
def test_a_text_in_place_of_a_command_is_predicted(cli, native_folder, text):
    alone = cli(text, "-m", native_folder)
    assert (alone.exit_code, alone.stdout) == (0, cli("predict", text, "-m", native_folder).stdout)


@pytest.mark.parametrize("mask", ["[mask]", "<MASK>", "___"])
def test_what_resembles_a_mask_is_named_in_the_error(cli, native_folder, mask):
    error = one_line(cli("predict", "-m", native_folder, f"the {mask} sat"))
    assert error.endswith(f"; did you mean [MASK] in place of {mask}?\n")
