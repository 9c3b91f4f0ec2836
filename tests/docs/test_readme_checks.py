"""The checks of test_readme.py, on READMEs that are right and wrong."""

import pytest

from tests.support import readme

RIGHT = """# Title

```python
>>> words = ["a", "b"]
>>> words
['a', 'b']
```

Text between, and a block that sees the one before.

```python
>>> len(words) * 1.0000001
2.0...
```

```console
$ echo one > file; printf 'two   \\n\\n  three\\n'
two

  three
$ cat \\
    file
one
$ make test CHECK=1
anything
$ git clone somewhere
$ fillmask export checkpoint out
```

```text
$ false
```
"""


def test_what_is_right_passes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert readme.check_python(RIGHT) == []
    assert readme.check_commands(RIGHT, tmp_path) == []
    assert readme.unknown_targets(RIGHT, "test: .venv ## run\n\tpytest\n") == []


def test_all_that_is_run_is_counted_and_nothing_else():
    assert readme.count(RIGHT) == 5


@pytest.mark.parametrize(
    ("right", "wrong"), [("['a', 'b']", "['a', 'c']"), ("2.0...", "3.0..."), (">>> words\n", ">>> nope\n")]
)
def test_a_python_example_that_gives_something_else_is_reported(right, wrong):
    assert readme.check_python(RIGHT.replace(right, wrong))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("two\n\n  three", "two\n  three"),
        ("  three\n$ cat", "three\n$ cat"),
        ("one\n$ make", "one\nmore\n$ make"),
        ("file\none\n", "file\n"),
        ("    file\n", "    missing\n"),
    ],
)
def test_a_command_that_prints_something_else_is_reported(tmp_path, right, wrong):
    assert right in RIGHT
    assert len(readme.check_commands(RIGHT.replace(right, wrong), tmp_path)) == 1


@pytest.mark.parametrize("got", ["a 1.25 b\nend\n", "a 1. b  \nend", "a 1\t b\nend\n\n"])
def test_three_dots_stand_for_anything_inside_a_line(got):
    assert readme.matches("a 1... b\nend\n", got)


@pytest.mark.parametrize(
    "got", ["a 2.25 b\nend\n", "a 1.25\nb\nend\n", "a 1.25 b\n", "a 1.25 c\nend", "", "x\na 1.2 b\nend"]
)
def test_three_dots_stand_for_no_other_line_and_for_nothing_around_them(got):
    assert not readme.matches("a 1... b\nend\n", got)


def test_a_report_names_the_line_of_the_command(tmp_path):
    (report,) = readme.check_commands("a\n\n```console\n$ echo 1\n1\n$ echo 2\n3\n```\n", tmp_path)
    assert report == "line 6: $ echo 2\nExpected:\n3\nGot:\n2\n"


def test_a_target_that_does_not_exist_is_reported():
    assert readme.unknown_targets("```console\n$ make test nope X=1\n```\n", "test:\n") == ["nope"]


@pytest.mark.parametrize("bare", ["# Title\n", "```python\nx = 1\n```\n", "```console\n$ make test\n```\n"])
def test_a_readme_in_which_nothing_is_run_counts_no_example(bare):
    assert readme.count(bare) == 0


def test_commands_find_the_programs_of_this_python(tmp_path):
    assert readme.check_commands("```console\n$ python -c 'import fillmask; print(1)'\n1\n```\n", tmp_path) == []


SERVER = """
```console
$ python -m http.server $FILLMASK_PORT &
$ curl -s -o /dev/null -w '%{http_code}\\n' localhost:8080
200
```

```python
>>> from urllib.request import urlopen
>>> urlopen("http://localhost:8080").status
200

```
"""


def test_a_server_runs_while_the_examples_ask_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with readme.served(SERVER) as adapted:
        assert readme.check_commands(adapted, tmp_path) == []
        assert readme.check_python(adapted) == []
    assert readme.count(SERVER) == 3
    assert readme.check_commands(adapted, tmp_path)


def test_a_server_that_does_not_start_is_reported():
    with pytest.raises(AssertionError, match="does not listen"), readme.served("```console\n$ false &\n```\n"):
        pass
