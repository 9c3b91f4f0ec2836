"""The command, in a process of its own: huggingface_hub reads its environment on import."""

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from fillmask.artifact.folder import EMBEDDED
from fillmask.cli.main import main
from tests.support import toys
from tests.support.hub_stub import COMMIT, Hub, served


@contextmanager
def commands(tmp_path, hub):
    """Runs commands with a hub of its own and an empty cache."""
    with served(hub) as address:
        environment = {"HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path),
                       "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_DISABLE_XET": "1"}  # fmt: skip

        def run(*arguments):
            command = [sys.executable, "-m", "fillmask", *arguments]
            return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=60,
                                  cwd=tmp_path, check=False)  # fmt: skip

        yield run


@pytest.fixture
def pulled(tmp_path):
    gated = (401, {"X_Error_Code": "GatedRepo", "X_Error_Message": "Access to model org/gated is restricted."})
    with commands(tmp_path, Hub(EMBEDDED, refusals={"org/gated": gated})) as run:
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


def change(path, found, put):
    path.write_bytes(path.read_bytes().replace(found, put))


@pytest.mark.parametrize(
    ("write", "damage", "code", "message"),
    [
        (toys.write_native, lambda folder: change(folder / "tokenizer.json", b"paris", b"sirap"), 1, "expected SHA"),
        (toys.write_native, lambda folder: change(folder / "config.json", b"512", b"999"), 1, "expected SHA"),
        (toys.write_foreign, lambda folder: (folder / "tokenizer.json").unlink(), 2, "has no tokenizer.json"),
        (toys.write_foreign, lambda folder: (folder / "tokenizer.json").write_text("{}"), 2, "is not a tokenizer"),
        (toys.write_foreign, lambda folder: toys.move_weights_out(folder / "model.onnx", "w"), 0, "variant fp32"),
    ],
    ids=["a tokenizer", "a configuration", "no tokenizer", "a foreign tokenizer", "weights that are there"],
)
def test_every_file_that_came_is_checked(tmp_path, write, damage, code, message):
    folder = write(tmp_path / "model")
    damage(folder)
    with commands(tmp_path, Hub(folder)) as run:
        done = run("pull", "org/name")
    assert (done.returncode, bool(done.stdout)) == (code, code == 0)
    assert message in done.stderr.splitlines()[-1]


def test_weights_that_a_foreign_graph_names_and_the_hub_lacks_are_missed(tmp_path):
    folder = toys.write_foreign(tmp_path / "model")
    toys.move_weights_out(folder / "model.onnx", "w")
    (folder / "w").unlink()
    with commands(tmp_path, Hub(folder)) as run:
        done = run("pull", "org/name")
    assert (done.returncode, done.stdout) == (2, "")
    assert "does not hold w, and http" in done.stderr.splitlines()[-1]


def test_a_folder_is_no_model_of_the_hub(native_folder):
    result = CliRunner().invoke(main, ["pull", str(native_folder)])
    assert result.exit_code == 2
    assert "is a folder here" in result.stderr
