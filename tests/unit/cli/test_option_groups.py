"""The help of commands with many options."""

import re

import click
import pytest
from click.testing import CliRunner

from fillmask.cli.main import main
from fillmask.cli.option_groups import grouped

MOST = 20  # options of a command whose help is one list


def groups_of(command, *arguments):
    """The long names of the options, by the title they stand below."""
    found, title = {}, ""
    shown = CliRunner().invoke(command, [*arguments, "--help"], terminal_width=80)
    assert shown.exit_code == 0, shown.output
    for line in shown.output.splitlines():
        if re.fullmatch(r"\S.*:", line):
            title = line[:-1]
        elif option := re.match(r"  (?:-\w, )?(--[\w-]+)", line):
            found.setdefault(title, []).append(option[1])
    return found


@pytest.mark.parametrize("name", ["batch", "export", "serve", "train"])
def test_each_option_of_a_long_command_is_in_one_group(name):
    groups = groups_of(main, name)
    options = [each for each in main.get_command(click.Context(main), name).params if isinstance(each, click.Option)]
    shown = [option for group in groups.values() for option in group]
    assert sorted(shown) == sorted(["--help", *(each.opts[-1] for each in options)])
    assert groups["Other options"] == ["--help"]
    assert len(groups) > 3


def test_a_command_with_many_options_has_groups():
    for name in main.list_commands(click.Context(main)):
        assert len(groups_of(main, name).get("Options", ())) <= MOST, name


def test_groups_have_their_order_and_others_come_last():
    options = [click.Option([f"--{name}"]) for name in ("one", "two", "three")]
    command = grouped({"B": ("three",), "A": ("one",)})("command", params=[click.Argument(["text"]), *options])
    assert groups_of(command) == {"B": ["--three"], "A": ["--one"], "Other options": ["--two", "--help"]}
