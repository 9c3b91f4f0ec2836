import pytest
from click.testing import CliRunner

from benchmarks.compare import AGAIN, BASE, TREE, command, environment_of, table
from benchmarks.harness.rounds import Rounds


def found(tree):
    samples = {BASE: [2.0, 2.0, 2.0], AGAIN: [2.0, 2.0, 2.0], TREE: tree}
    return Rounds({key: [{"call": value} for value in values] for key, values in samples.items()}, {})


@pytest.mark.parametrize(("seconds", "expected"), [(1.0, ("2.000", "faster")), (4.0, ("0.500", "slower"))])
def test_the_ratio_says_how_many_times_as_fast_the_working_tree_is(seconds, expected):
    line = table([found([seconds] * 3)])[1]
    assert line.startswith("call ")
    assert line.endswith(expected[1])
    assert f" {expected[0]} [" in line
    assert " 1.000 [1.000, 1.000]" in line


def test_values_of_a_side_that_failed_are_left_out():
    samples = found([1.0] * 3)
    del samples.samples[TREE]
    assert len(table([samples])) == 1


def test_a_checkout_writes_bytecode(tmp_path):
    environment = environment_of(tmp_path)
    assert environment["PYTHONPATH"] == str(tmp_path / "engine")
    assert not environment["PYTHONDONTWRITEBYTECODE"]
    assert environment["PYTHONPYCACHEPREFIX"]


def test_an_unknown_commit_is_an_error_that_names_it():
    result = CliRunner().invoke(command, ["no-such-commit"])
    assert result.exit_code == 2
    assert "git knows no commit 'no-such-commit'" in result.output
