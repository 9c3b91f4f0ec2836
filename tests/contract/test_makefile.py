"""The Makefile sees an environment that is not the one that was asked for, and gives each test its packages."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[2] / "Makefile"
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")


@pytest.fixture
def environment(tmp_path):
    """Write a .venv whose Python is this one, or another script, and whose pip names an interpreter."""
    shutil.copy(MAKEFILE, tmp_path)

    def write(python=None, interpreter=sys.executable):
        folder = tmp_path / ".venv" / "bin"
        folder.mkdir(parents=True)
        if python is None:
            (folder / "python").symlink_to(sys.executable)
        else:
            (folder / "python").write_text(f"#!/bin/sh\n{python}\n")
            (folder / "python").chmod(0o755)
        (folder / "pip").write_text(f"#!{interpreter}\n")

    def sound(*arguments):
        done = subprocess.run(["make", "sound", *arguments], cwd=tmp_path, env=dict(os.environ), capture_output=True,
                              text=True, check=False)  # fmt: skip
        assert done.returncode == 0 or "run make clean, then this again" in done.stderr
        return done.returncode == 0

    return write, sound


def test_no_environment_is_made_and_a_good_one_is_kept(environment):
    write, sound = environment
    assert sound()
    write()
    assert sound()
    assert sound(f"PYTHON={sys.executable}")


@pytest.mark.parametrize(
    "wrong",
    [
        {"interpreter": "/nowhere/.venv/bin/python3"},  # the folder has moved
        {"python": "exit 127"},  # its Python is gone
        {"python": "exit 1"},  # too old
    ],
)
def test_an_environment_that_does_not_work_is_told(environment, wrong):
    write, sound = environment
    write(**wrong)
    assert not sound()


def test_another_python_than_the_one_that_is_named_is_told(environment, tmp_path):
    write, sound = environment
    write()
    (tmp_path / "python3.99").write_text("#!/bin/sh\necho Python 3.99.0\n")
    (tmp_path / "python3.99").chmod(0o755)
    assert not sound(f"PYTHON={tmp_path / 'python3.99'}")


def test_the_environment_of_the_contenders_tests_has_their_packages(tmp_path):
    shutil.copy(MAKEFILE, tmp_path)
    (tmp_path / "pyproject.toml").touch()
    plan = ["make", "--dry-run", "test-optimum"]
    planned = subprocess.run(plan, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert ".[bench]" in planned.partition("tests/benchmarks/test_contenders.py")[0]
