"""The command, in a process of its own: huggingface_hub reads its environment on import."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from fillmask.artifact.folder import EMBEDDED
from fillmask.cli.main import main
from tests.support.hub_stub import COMMIT, Hub, served


@pytest.fixture
def pulled(tmp_path):
    """Run commands with a hub of its own and an empty cache."""
    gated = (401, {"X_Error_Code": "GatedRepo", "X_Error_Message": "Access to model org/gated is restricted."})
    with served(Hub(EMBEDDED, refusals={"org/gated": gated})) as address:
        environment = {"HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path),
                       "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_DISABLE_XET": "1"}  # fmt: skip

        def run(*arguments):
            command = [sys.executable, "-m", "fillmask", *arguments]
            return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=60,
                                  cwd=tmp_path, check=False)  # fmt: skip

        yield run


def test_a_revision_is_fetched_listed_and_used(pulled, tmp_path):
    done = pulled("pull", "org/name", "--revision", "v1")
    folder = tmp_path / "hub" / "models--org--name" / "snapshots" / COMMIT
    assert (done.returncode, done.stdout) == (0, f"{folder}\n")
    assert done.stderr.endswith(f"org/name@{COMMIT}: variant int8\n")
    assert (folder / "model_int8.onnx_data").stat().st_size == (EMBEDDED / "model_int8.onnx_data").stat().st_size
    assert f"org/name@{COMMIT}  hub cache" in pulled("models").stdout
    used = pulled("predict", "-m", "org/name@v1", "-k", "1", "She drank a cup of [MASK].")
    assert "she drank a cup of tea." in used.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["org/name@v9"],
            "the hub model at revision v9 cannot be had: the model has no such revision",
        ),
        (["org/gated"], "the model is gated; ask for access at http://127.0.0.1:"),
        ([""], "model must be a folder, a hub id or None, got ''"),
        (["org/name@v1", "--revision", "v2"], "names the revision 'v1', and revision='v2' another"),
        (["org/name", "--variant", "int9"], "has no variant 'int9'; it has int8"),
    ],
)
def test_what_cannot_be_had_is_one_line_and_exit_code_2(pulled, arguments, message):
    done = pulled("pull", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert "%|" not in done.stderr  # a bar, which only a terminal gets


def test_a_folder_is_no_model_of_the_hub(native_folder):
    result = CliRunner().invoke(main, ["pull", str(native_folder)])
    assert result.exit_code == 2
    assert "is a folder here" in result.stderr
