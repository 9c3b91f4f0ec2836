"""Every command with standard streams that are closed, full, or read by nobody: one line and exit code 1."""

import io
import os
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fillmask.cli.main import main

TEXT = "the [MASK] sat on the mat."
LONG = "a" * 5000
FULL = Path("/dev/full")
COMMANDS = main.list_commands(None)

# What each command needs to write to standard output. Some write at their end, after minutes or never, or need a hub:
# for them the streams are tested with --help alone.
PRINTS = {
    "batch": ["predict", "{texts}", "-o", "-", "-m", "{model}"],
    "bench": ["{model}", "--seconds", "0.01", "--variant", "fp32", "--threads", "1", "--tokens", "16"],
    "classify": ["-m", "{model}", "--labels", "cat,dog", "--template", "{{text}} {{mask}}", TEXT],
    "infill": ["-m", "{model}", TEXT],
    "info": ["-m", "{model}"],
    "marginals": ["cat", "-m", "{model}"],
    "models": ["{home}"],
    "predict": ["-m", "{model}", TEXT],
    "rank": ["-m", "{model}", "--candidates", "cat,dog", TEXT],
    "score": ["-m", "{model}", TEXT],
    "verify": ["{model}"],
}
PRINTS_NOTHING = {"export", "pull", "push", "serve", "train"}
# These take a folder, and click says what is wrong with it.
OPENS_NO_MODEL = {"models", "push"}
# A model of a name that no file system takes.
OPENS = {
    "batch": ["predict", "{texts}", "-o", "-", "-m", LONG],
    "bench": [LONG],
    "export": [LONG, "{home}/out"],
    "classify": ["-m", LONG, "--labels", "cat,dog", TEXT],
    "infill": ["-m", LONG, TEXT],
    "info": ["-m", LONG],
    "marginals": ["cat", "-m", LONG],
    "predict": ["-m", LONG, TEXT],
    "pull": [LONG],
    "rank": ["-m", LONG, "--candidates", "cat,dog", TEXT],
    "score": ["-m", LONG, TEXT],
    "serve": [LONG, "--port", "0"],
    "train": [LONG, "--text", "{texts}", "--out", "{home}/out", "--steps", "1"],
    "verify": [LONG],
}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A model with stored predictions, and a file of texts."""
    from tests.support import toys

    home = tmp_path_factory.mktemp("streams")
    model = toys.write_native(home / "model")
    expected = [{"text": TEXT, "tokens": [1], "scores": [0.5]}]
    variants = toys.variants(model)
    for entry in variants.values():
        entry |= {"expected": expected, "tolerance": 0.99}
    toys.write_manifest(model, variants=variants)
    (home / "texts.jsonl").write_text('{"text": "the [MASK] sat"}\n')
    return {"model": str(model), "texts": str(home / "texts.jsonl"), "home": str(home)}


@pytest.fixture
def run(places, monkeypatch, capsys):
    """Run a command in this process with a standard output; give its exit code and standard error."""

    def run(arguments, output):
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", output)
            with pytest.raises(SystemExit) as ended:
                main.main([argument.format(**places) for argument in arguments], prog_name="fillmask")
        return ended.value.code, capsys.readouterr().err

    return run


def full():
    return io.TextIOWrapper(FULL.open("wb"), encoding="utf-8")


@contextmanager
def unread():
    """A pipe whose reader has ended."""
    reader, writer = os.pipe()
    os.close(reader)
    output = io.TextIOWrapper(io.FileIO(writer, "w"), encoding="utf-8")
    yield output
    with suppress(BrokenPipeError):
        output.close()


def test_every_command_has_its_rows_here():
    assert {*COMMANDS} == PRINTS.keys() | PRINTS_NOTHING == OPENS.keys() | OPENS_NO_MODEL


CASES = [[name, *PRINTS[name]] for name in PRINTS] + [[name, "--help"] for name in COMMANDS] + [["--help"]]


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize("arguments", CASES, ids=lambda arguments: " ".join(arguments)[:20])
def test_a_full_output_is_one_line_and_exit_code_1(run, arguments):
    with full() as output:
        code, err = run(arguments, output)
    assert (code, err.splitlines()[-1]) == (1, "fillmask: standard output cannot be written: No space left on device")
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", CASES, ids=lambda arguments: " ".join(arguments)[:20])
def test_a_closed_output_is_one_line_and_exit_code_1(run, arguments):
    code, err = run(arguments, None)
    assert (code, err.splitlines()[-1]) == (1, "fillmask: standard output cannot be written: the stream is closed")
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", CASES, ids=lambda arguments: " ".join(arguments)[:20])
def test_a_pipe_that_nobody_reads_is_exit_code_1_and_no_traceback(run, arguments):
    with unread() as output:
        code, err = run(arguments, output)
    assert code == 1
    assert "Traceback" not in err
    assert "standard output" not in err


@pytest.mark.parametrize("name", OPENS)
def test_a_model_with_a_name_of_5000_letters_is_refused_in_one_short_line(run, name, monkeypatch):
    if name in ("export", "train"):
        pytest.importorskip("torch")
    code, err = run([name, *OPENS[name]], io.StringIO())
    assert code == 2
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("fillmask: ") or name == "serve"


def fillmask(*arguments, shell):
    """Run the program under a shell that redirects its streams."""
    command = ["/bin/sh", "-c", f'"$0" -m fillmask "$@" {shell}', sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False, text=True)


@pytest.mark.parametrize("command", ["predict", "score"])
def test_a_closed_input_is_wrong_usage(places, command):
    done = fillmask(command, "-m", places["model"], shell="<&-")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "fillmask: there are no texts, and standard input is closed; name texts, or give a file as input\n"
    )


def test_a_closed_input_is_no_empty_job(places, tmp_path):
    out = tmp_path / "out"
    done = fillmask("batch", "predict", "-", "--input-format", "lines", "-o", out, "-m", places["model"], shell="<&-")
    assert (done.returncode, done.stdout, out.exists()) == (2, "", False)
    assert done.stderr == "fillmask: standard input cannot be read: the stream is closed\n"


def test_the_program_itself_says_that_its_output_is_closed(places):
    done = fillmask("predict", "-m", places["model"], TEXT, shell=">&-")
    assert (done.returncode, done.stderr) == (1, "fillmask: standard output cannot be written: the stream is closed\n")


def test_a_closed_standard_error_loses_no_result(places):
    done = fillmask("predict", "--json", "-m", places["model"], TEXT, "no mask", shell="2>&-")
    assert (done.returncode, done.stdout.count("\n")) == (1, 2)
