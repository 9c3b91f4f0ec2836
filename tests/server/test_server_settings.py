"""Settings: each is a flag and a variable, and each is checked."""

import os
import subprocess
import sys
from dataclasses import fields

import click
import pytest
from click.testing import CliRunner

from fillmask import InputError
from fillmask.server.cli import serve_command
from fillmask.server.settings import Settings, options
from tests.support import serving
from tests.support.serving import KEY


def test_every_setting_is_a_flag_and_a_variable_with_help_and_its_default():
    flags = {option.name: option for option in serve_command.params if isinstance(option, click.Option)}
    assert flags.pop("named").opts == ["-m", "--model"]  # no setting, but a way to name a model
    assert list(flags) == [each.name for each in fields(Settings)]
    assert len(options()) == len(flags)
    for each in fields(Settings):
        option = flags[each.name]
        assert option.opts == ["--" + each.name.replace("_", "-")]
        assert option.envvar == "FILLMASK_" + each.name.upper()
        assert option.help


def test_without_any_they_are_the_defaults(monkeypatch):
    for name in [name for name in os.environ if name.startswith("FILLMASK_")]:
        monkeypatch.delenv(name)
    context = serve_command.make_context("serve", [])
    assert (context.params.pop("models"), context.params.pop("named")) == ((), ())
    assert Settings(**context.params) == Settings()


@pytest.mark.parametrize(("arguments", "served"), [
    ([], ["env"]), (["a"], ["a"]), (["-m", "b"], ["b"]), (["a", "-m", "b", "--model", "c=d"], ["a", "b", "c=d"]),
])  # fmt: skip
def test_models_are_arguments_or_options_and_come_before_the_variable(monkeypatch, arguments, served):
    asked = []
    monkeypatch.setattr("fillmask.server.lifecycle.serve", lambda models, _: asked.extend(models) or 0)
    monkeypatch.setattr("fillmask.server.logs.configure", lambda *_: None)
    monkeypatch.setenv("FILLMASK_MODELS", "env")
    with pytest.raises(SystemExit):
        serve_command.main(arguments)
    assert asked == served


def test_flags_and_variables_set_them(monkeypatch, tmp_path):
    monkeypatch.setenv("FILLMASK_API_KEY", f"{KEY} another-key")
    monkeypatch.setenv("FILLMASK_MAX_TEXTS", "7")
    monkeypatch.setenv("FILLMASK_NO_AUTH", "1")
    monkeypatch.setenv("FILLMASK_MODELS", "one two=three")
    flags = ["--receive-timeout", "2.5", "--api-key-file", str(tmp_path), "--max-texts", "8"]
    context = serve_command.make_context("serve", flags)
    assert context.params.pop("models") == ("one", "two=three")
    assert context.params.pop("named") == ()
    settings = Settings(**context.params)
    assert settings.api_key == (KEY, "another-key")
    assert (settings.max_texts, settings.no_auth, settings.receive_timeout) == (8, True, 2.5)
    assert settings.api_key_file == tmp_path


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("max_texts", 0, "max_texts must be at least 1, got 0"),
        ("port", -1, "port must be at least 0"),
        ("port", 70_000, "port must be at most 65535, got 70000"),
        ("receive_timeout", 0.0, "receive_timeout must be at least 0.1"),
        ("keep_alive", float("nan"), "keep_alive must be at least"),
        ("log_format", "xml", "log_format must be one of text, json, got 'xml'"),
        ("timeout_ms", 70_000, "timeout_ms must be at most max_timeout_ms, 60000, got 70000"),
    ],
)
def test_a_setting_out_of_its_range_is_an_error(name, value, message):
    with pytest.raises(InputError, match=message):
        Settings(**{name: value})


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--host", "0.0.0.0"], "is open to the network"),
        (["--api-key", "short"], "a key must be at least 8"),
        (["--max-texts", "0"], "max_texts must be at least 1"),
        (["no-such-folder/x/y"], "is not a folder"),
        (["--variant", "fp64"], "has no variant 'fp64'"),
        (["--provider", "CPUExecutionProvider", "--provider", "Other"], "'Other' is not in this ONNX Runtime"),
        (["--provider", "CPUExecutionProvider:x"], "NAME:option=value"),
        (["--threads", "0"], "threads must be at least 1"),
    ],
)
def test_it_does_not_start_with_an_invalid_setting_and_the_error_names_it(monkeypatch, flags, message):
    monkeypatch.setattr("fillmask.server.logs.configure", lambda *_: None)
    result = CliRunner().invoke(serve_command, ["--port", "0", *flags])
    assert (result.exit_code, type(result.exception)) == (2, SystemExit)
    assert message in result.output


def test_two_models_of_one_name_are_refused_by_the_program():
    from fillmask.artifact.folder import EMBEDDED

    command = [sys.executable, "-m", "fillmask", "serve", str(EMBEDDED), str(EMBEDDED)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "two models have the name 'minilm-en'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_ends_it(server):
    command = [sys.executable, "-m", "fillmask", "serve", "--port", str(server.address[1])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode not in {0, None}
    assert "address already in use" in done.stderr.lower()
    assert done.returncode == 2


def test_without_the_extra_the_error_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "fillmask.server.lifecycle", None)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    script = (
        "import sys\n"
        "for name in ('uvicorn', 'fastapi', 'starlette'): sys.modules[name] = None\n"
        "from fillmask.cli.main import main\nmain(['serve'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "pip install '.[server]'" in done.stderr


def test_the_help_needs_nothing_of_the_extra():
    result = CliRunner().invoke(serve_command, ["--help"])
    assert result.exit_code == 0
    assert "FILLMASK_MAX_QUEUE_TOKENS" in result.output


def test_it_listens_on_ipv6_and_variables_that_other_programs_set_do_not_stop_it():
    others = {"FILLMASK_PORT": "tcp://10.96.0.12:8080", "WEB_CONCURRENCY": "auto"}
    with serving.serve("--host", "::1", environment=others) as served:
        assert served.url.startswith("http://[::1]:")
        assert served.get("/health").status == 200


def test_a_service_s_variable_is_passed_over_with_a_warning(monkeypatch):
    monkeypatch.setenv("FILLMASK_PORT", "tcp://10.96.0.12:8080")
    result = CliRunner().invoke(serve_command, ["no-such-folder/x/y"])
    assert "FILLMASK_PORT is passed over" in result.output
    assert "no-such-folder" in result.output
    monkeypatch.setenv("FILLMASK_PORT", "70000")
    assert "port must be at most 65535" in CliRunner().invoke(serve_command, []).output
