"""Errors and warnings on the command line."""

import warnings

import click
import pytest
from click.testing import CliRunner

from fillmask import ArtifactError, NoMaskError, TargetWarning
from fillmask.cli.errors import fail, imported, reported


def run(callback):
    return CliRunner().invoke(click.Command("command", callback=callback))


@pytest.mark.parametrize("code", [1, 2])
@pytest.mark.parametrize("message", ["what is wrong", "what\n  is\twrong\n"])
def test_a_failure_is_one_line_on_standard_error_and_an_exit_code(code, message):
    result = run(lambda: fail(message, code=code))
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", "fillmask: what is wrong\n")


@pytest.mark.parametrize("error", [ArtifactError, NoMaskError])
@pytest.mark.parametrize("code", [1, 2])
def test_an_error_of_the_project_is_reported_as_such_a_line(error, code):
    def command():
        with reported(code=code):
            raise error("a broken\nmodel")

    result = run(command)
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", "fillmask: a broken model\n")


def test_any_other_error_is_not_hidden():
    def command():
        with reported(code=2):
            raise ValueError("a fault of the program")

    result = run(command)
    assert isinstance(result.exception, ValueError)


def test_every_warning_is_a_line_though_it_repeats():
    def command():
        with reported(code=2):
            for _ in range(2):
                warnings.warn("a target", TargetWarning, stacklevel=1)
            click.echo("predictions")

    result = run(command)
    assert (result.exit_code, result.stdout) == (0, "predictions\n")
    assert result.stderr == "fillmask: warning: a target\n" * 2


def test_warnings_are_what_they_were_after_it():
    before, filters = warnings.showwarning, list(warnings.filters)
    with reported(code=2):
        assert warnings.showwarning is not before
    assert warnings.showwarning is before
    assert warnings.filters == filters


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ModuleNotFoundError("No module", name="torch.nn"), "a step needs torch, which is not installed; "),
        (ImportError("no libcudart"), "a step needs a package that is installed and cannot be imported: no libcudart"),
    ],
)  # fmt: skip
def test_a_part_whose_packages_are_missing_or_broken_ends_the_command(error, message):
    def command():
        with imported("a step", "export"):
            raise error

    result = run(command)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"fillmask: {message}")


def test_a_missing_module_of_fillmask_itself_is_not_hidden():
    def command():
        with imported("a step", "export"):
            raise ModuleNotFoundError("No module", name="fillmask.nowhere")

    assert isinstance(run(command).exception, ModuleNotFoundError)
