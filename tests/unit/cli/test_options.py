"""Options and inputs that several commands share."""

import io
import sys

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


def lines(monkeypatch, content, encoding="utf-8"):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding=encoding))
    return list(options.stdin_lines())


def test_lines_come_without_their_ends(monkeypatch):
    assert lines(monkeypatch, b"one\r\ntwo \n\nthree") == ["one", "two ", "", "three"]
    assert lines(monkeypatch, b"") == []


def test_a_byte_order_mark_before_the_first_line_is_no_part_of_it(monkeypatch):
    assert lines(monkeypatch, b"\xef\xbb\xbfone\r\n\xef\xbb\xbftwo\n") == ["one", "\ufefftwo"]
    assert lines(monkeypatch, b"\xef\xbb\xbf") == []


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_lines_are_utf8_whatever_the_terminal_has(monkeypatch, encoding):
    assert lines(monkeypatch, "naïve 猫\n".encode(), encoding) == ["naïve 猫"]


def test_bytes_that_are_not_utf8_are_lone_surrogates_of_their_line(monkeypatch):
    assert lines(monkeypatch, b"a \xff b\nc\n") == ["a \udcff b", "c"]


def test_lines_are_read_one_at_a_time(monkeypatch):
    class Endless:
        def __iter__(self):
            return iter(lambda: "line\n", None)

    monkeypatch.setattr(sys, "stdin", Endless())
    read = options.stdin_lines()
    assert [next(read) for _ in range(3)] == ["line"] * 3
