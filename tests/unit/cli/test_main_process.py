"""The program itself, as a process: exit codes, lazy input, what it needs, and what it needs not."""

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

TEXT = "the [MASK] sat on the mat."
# Runs the program where packages named in the first argument are not installed.
WITHOUT = """
import sys
for name in sys.argv.pop(1).split(","):
    sys.modules[name] = None
from fillmask.cli.main import main
main(prog_name="fillmask")
"""
EXPORTERS = "torch,transformers,onnx,onnx_ir,onnxscript,optimum,safetensors"


def fillmask(*arguments, lines=b"", program=("-m", "fillmask"), **environment):
    """Run the program to its end; bytes in, bytes out."""
    command = [sys.executable, *program, *map(str, arguments)]
    return subprocess.run(
        command, input=lines, capture_output=True, timeout=60, env=os.environ | environment, check=False
    )


@contextmanager
def started(*arguments):
    """Start the program with pipes for its input and output."""
    command = [sys.executable, "-m", "fillmask", *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def send(process, text):
    """Write a line and wait for its document, while the input stays open."""
    process.stdin.write(text.encode() + b"\n")
    process.stdin.flush()
    assert select.select([process.stdout], [], [], 30)[0], f"no line for {text!r}"
    return json.loads(process.stdout.readline())


def test_texts_are_predicted(native_folder):
    done = fillmask("predict", "-m", native_folder, "--json", TEXT)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["inputs"] == TEXT


def test_lines_are_predicted_one_by_one_while_the_input_is_open(native_folder):
    with started("predict", "-m", native_folder, "--json") as process:
        for number in range(3):
            assert send(process, f"{TEXT} {number}")["inputs"] == f"{TEXT} {number}"
        assert send(process, "no mask")["error_type"] == "NoMaskError"
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out) == (1, b"")
        assert err.count(b"\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["predict", "no mask"], 1),
        (["predict", "-k", "100000", TEXT], 2),
        (["predict", "--no-such-option"], 2),
    ],
)
def test_what_is_wrong_is_in_the_exit_code_and_never_a_traceback(native_folder, arguments, code):
    done = fillmask(arguments[0], "-m", native_folder, *arguments[1:])
    assert (done.returncode, done.stdout) == (code, b"")
    assert b"Traceback" not in done.stderr


def test_input_that_is_not_utf8_is_an_error_of_its_line_only(native_folder):
    lines = b"a \xff [MASK]\n" + TEXT.encode() + b"\n"
    done = fillmask("predict", "-m", native_folder, "--json", lines=lines, PYTHONIOENCODING="", PYTHONUTF8="1")
    assert b"Traceback" not in done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, first["error_type"], second["inputs"]) == (1, "TextError", TEXT)


def test_input_that_is_not_utf8_is_no_traceback_where_python_is_strict(native_folder):
    lines = b"a \xff [MASK]\n" + TEXT.encode() + b"\n"
    done = fillmask("predict", "-m", native_folder, "--json", lines=lines, PYTHONIOENCODING="utf-8:strict")
    assert b"Traceback" not in done.stderr
    assert done.returncode in (1, 2)


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_terminal_that_knows_only_ascii_gets_predictions(native_folder, as_json):
    done = fillmask("predict", "-m", native_folder, *as_json, "naïve " + TEXT, PYTHONIOENCODING="ascii:strict")
    assert b"Traceback" not in done.stderr
    assert (done.returncode, done.stdout != b"") == (0, True)


def test_a_reader_that_goes_away_is_no_traceback(native_folder):
    with started("predict", "-m", native_folder, "--json") as process:
        process.stdout.close()
        process.stdin.write((TEXT + "\n").encode() * 1000)
        process.stdin.close()
        process.wait(30)
        assert b"Traceback" not in process.stderr.read()


def test_without_the_exporters_packages_help_still_works_and_lists_export():
    done = fillmask(EXPORTERS, "--help", program=("-c", WITHOUT))
    assert done.returncode == 0
    assert b"\n  export " in done.stdout


def test_without_the_exporters_packages_texts_are_predicted(native_folder):
    done = fillmask(EXPORTERS, "predict", "-m", native_folder, "--json", TEXT, program=("-c", WITHOUT))
    assert (done.returncode, json.loads(done.stdout)["inputs"]) == (0, TEXT)


@pytest.mark.parametrize("missing", [EXPORTERS, "torch", "onnx_ir"])
def test_without_them_export_names_what_to_install(tmp_path, missing):
    if "," not in missing:
        pytest.importorskip("torch")
    done = fillmask(missing, "export", tmp_path, tmp_path / "out", program=("-c", WITHOUT))
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"is not installed; in the folder of fillmask's source: pip install '.[export]'\n" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_export_refuses_in_one_line_what_is_no_checkpoint(tmp_path):
    pytest.importorskip("torch")
    done = fillmask("export", tmp_path, tmp_path / "out", "--masks", 10)
    assert (done.returncode, done.stdout) == (2, b"")
    assert f"fillmask: {tmp_path} holds no config.json" in done.stderr.decode().splitlines()[-1]
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_a_command_with_its_exit_code(native_folder):
    with started("predict", "-m", native_folder, "--json") as process:
        process.stdin.write(f"{TEXT}\n{TEXT}\n".encode())
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr.read() == b"fillmask: stopped\n"
