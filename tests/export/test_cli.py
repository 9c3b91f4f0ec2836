"""The command ``fillmask export``."""

import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

import fillmask_export
from fillmask.cli.main import main

USUAL = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}


@pytest.mark.parametrize("given", [{}, {"OMP_WAIT_POLICY": "ACTIVE"}, {"OPENBLAS_NUM_THREADS": "2"}])
def test_threads_do_not_wait_in_loops_unless_the_user_wants_it(tmp_path, monkeypatch, given):
    seen = []

    def export(*_arguments, **_options):
        seen.append({name: os.environ[name] for name in USUAL})
        raise click.Abort

    for name in USUAL:
        monkeypatch.setenv(name, "")  # so that it is as before after the test
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(fillmask_export, "export", export)
    CliRunner().invoke(main, ["export", str(tmp_path), str(tmp_path / "out")])
    assert seen == [USUAL | given]


def test_the_variables_are_set_before_numpy_and_pytorch_are_imported():
    code = """
import sys
from unittest import mock
from fillmask.cli.main import main
with mock.patch("os._Environ.setdefault", lambda *_: print(sorted({"numpy", "torch"} & sys.modules.keys()))):
    main(["export", "absent", "out"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[:2] == ["[]", "[]"], done.stderr
