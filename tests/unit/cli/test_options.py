"""Options and inputs that several commands share."""

import click
import pytest
from click.testing import CliRunner

from fillmask import ProviderError
from fillmask.cli import options

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


def parsed(*arguments):
    """The parameters that a command with every shared option gets."""
    found = {}
    command = click.Command("command", callback=found.update)
    for option in (options.model, options.variant, options.provider, options.as_json):
        command = option(command)
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    return found


def test_the_defaults_are_the_embedded_model_and_its_usual_variant():
    assert parsed() == {"model": None, "variant": "auto", "provider": (), "as_json": False}


def test_every_option_has_its_name():
    arguments = ("-m", "folder", "--variant", "fp32", "--provider", CUDA, "--provider", f"{CPU}:a=1", "--json")
    expected = {"model": "folder", "variant": "fp32", "provider": (CUDA, f"{CPU}:a=1"), "as_json": True}
    assert parsed(*arguments) == expected
    assert parsed("--model", "org/name")["model"] == "org/name"


def test_providers_keep_their_order_and_options():
    assert options.parse_providers((CUDA, f"{CPU}:a=1,b=2")) == [CUDA, (CPU, {"a": "1", "b": "2"})]


def test_no_providers_are_no_choice():
    assert options.parse_providers(()) is None


def test_a_malformed_provider_is_refused():
    with pytest.raises(ProviderError, match="NAME:option=value"):
        options.parse_providers((CPU, "CUDA:1"))


@pytest.mark.parametrize(
    ("listed", "targets"),
    [(None, None), ("", []), (" , ", []), ("tea", ["tea"]), ("tea, milk,,new york ", ["tea", "milk", "new york"])],
)
def test_targets_have_no_spaces_at_their_ends_and_none_is_empty(listed, targets):
    assert options.parse_targets(listed) == targets


@pytest.mark.parametrize("read", [options.read_candidates, options.read_labels])
def test_listed_candidates_and_labels_are_read_as_targets_are(read):
    assert read("capital, largest city,,town ,", None) == ["capital", "largest city", "town"]
    assert read(" , ", None) == []


@pytest.mark.parametrize(("arguments", "given"), [((), False), (("--workers", "1"), True), (("--workers", "2"), True)])
def test_a_parameter_is_given_also_where_its_value_is_the_default(arguments, given):
    command = click.Command("command", callback=lambda **_: click.echo(options.is_given("workers")))
    assert CliRunner().invoke(options.workers(command), arguments).output == f"{given}\n"
