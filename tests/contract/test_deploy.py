"""The files of deploy/ fit the program: its commands, its variables, its paths and its port."""

import re
import shlex
from pathlib import Path

import pytest

from fillmask.server.cli import serve_command

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
COMPOSE = (ROOT / "deploy" / "compose.yaml").read_text("utf-8")
UNIT = (ROOT / "deploy" / "fillmask.service").read_text("utf-8")


def variables():
    """The environment variables that the server reads."""
    return {param.envvar for param in serve_command.params if param.envvar} | {"FILLMASK_MODELS"}


@pytest.mark.parametrize("text", [DOCKERFILE, COMPOSE, UNIT], ids=["Dockerfile", "compose", "unit"])
def test_every_variable_is_one_that_the_server_reads(text):
    named = set(re.findall(r"\bFILLMASK_[A-Z_]+\b", text))
    assert named <= variables(), named - variables()


def test_what_the_image_copies_is_there_and_its_user_is_not_root():
    copied = [path for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.M) for path in line.split()[:-1]]
    assert copied
    assert all((ROOT / path).exists() for path in copied)
    assert re.search(r"^USER (?!root)", DOCKERFILE, re.M)


def test_the_image_asks_for_its_health_at_the_port_that_it_serves():
    port = next(param.default for param in serve_command.params if param.name == "port")
    assert f"EXPOSE {port}\n" in DOCKERFILE
    assert f"http://127.0.0.1:{port}/health/live" in DOCKERFILE
    assert f'ports: ["127.0.0.1:{port}:{port}"]' in COMPOSE


def test_the_unit_starts_a_command_that_the_program_takes():
    command = shlex.split(re.search(r"^ExecStart=(.+)$", UNIT, re.M)[1])
    assert command[:2] == ["/opt/fillmask/bin/fillmask", "serve"]
    assert serve_command.make_context("serve", command[2:]).params["models"] == ("my-model=/srv/model",)


@pytest.mark.parametrize("text", [COMPOSE, UNIT], ids=["compose", "unit"])
def test_the_time_to_stop_is_longer_than_the_drain(text):
    drain = sum(param.default for param in serve_command.params if param.name in ("drain_grace", "drain_timeout"))
    assert float(re.search(r"(?:stop_grace_period: |TimeoutStopSec=)(\d+)", text)[1]) > drain
