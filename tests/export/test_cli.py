"""The command ``fillmask export``."""

import os

import click
import pytest
from click.testing import CliRunner

import fillmask_export
from fillmask.cli.main import main


@pytest.mark.parametrize(("given", "expected"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_of_pytorch_sleep_unless_the_user_wants_them_to_spin(tmp_path, monkeypatch, given, expected):
    seen = []

    def export(*_arguments, **_options):
        seen.append(os.environ["OMP_WAIT_POLICY"])
        raise click.Abort

    monkeypatch.setenv("OMP_WAIT_POLICY", "")  # so that it is as before after the test
    if given is None:
        monkeypatch.delenv("OMP_WAIT_POLICY")
    else:
        monkeypatch.setenv("OMP_WAIT_POLICY", given)
    monkeypatch.setattr(fillmask_export, "export", export)
    CliRunner().invoke(main, ["export", str(tmp_path), str(tmp_path / "out")])
    assert seen == [expected]
