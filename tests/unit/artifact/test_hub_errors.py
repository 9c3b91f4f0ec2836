"""Errors that huggingface_hub itself raises before a hub of ours, in a process of its own: it reads its environment."""

import json
import socket

import pytest

from fillmask.artifact.hub_errors import explain, explain_missing, explain_push
from tests.support.hub_stub import Hub, served

REFUSALS = {
    "org/gated": (403, {"X_Error_Code": "GatedRepo", "X_Error_Message": "Access to model org/gated is restricted."}),
    "org/token": (401, {"X_Error_Message": "Invalid credentials in Authorization header"}),
    "org/forbidden": (403, {}),
    "org/disabled": (403, {"X_Error_Message": "Access to this resource is disabled."}),
    "org/busy": (429, {}),
    "org/broken": (503, {}),
    "org/teapot": (418, {}),
}
SCRIPT = """
import json, sys
from fillmask import ArtifactError, FillMask
for name in json.loads(sys.argv[1]):
    try:
        FillMask(name)
    except ArtifactError as error:
        print(str(error).partition(" cannot be had: ")[2])
"""


@pytest.fixture
def reasons(python, tmp_path):
    """Why models cannot be had, with an empty cache."""

    def ask(address, *names, **environment):
        home = {"HF_HOME": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_ENDPOINT": address}
        defaults = {"HF_HUB_OFFLINE": "0", "HF_TOKEN": "", "HF_TOKEN_PATH": str(tmp_path / "token")}
        return python(SCRIPT, json.dumps(names), **home, **defaults | environment).splitlines()

    return ask


def test_each_refusal_of_the_hub_says_what_to_do(reasons):
    names = ["org/nowhere", "org/name@v9", *REFUSALS]
    with served(Hub(refusals=REFUSALS)) as address:
        assert reasons(address, *names) == [
            "the hub has no such model; a private one needs HF_TOKEN",
            f"the model has no such revision; its branches and tags are at {address}/org/name",
            f"the model is gated; ask for access at {address}/org/gated, and set HF_TOKEN to a token of that account",
            "the hub rejects the token (401); HF_TOKEN must be a valid one, or else `hf auth login` again",
            "the hub forbids it (403); HF_TOKEN must be a token that may read this model",
            "the hub has disabled this model",
            "the hub takes no more requests now (429); try again later, or set HF_TOKEN, which is allowed more",
            "the hub fails (503); try again later",
            "the hub replies with the HTTP status 418",
        ]


def test_a_token_that_does_not_suffice_is_named(reasons):
    with served(Hub(refusals=REFUSALS)) as address:
        assert reasons(address, "org/nowhere", "org/gated", HF_TOKEN="hf_0123456789") == [
            "the hub has no such model that this token may read",
            f"the model is gated, and the account of this token has no access; ask for it at {address}/org/gated",
        ]


def test_a_hub_that_cannot_be_reached_is_named_with_the_cache_and_the_way_without_a_network(reasons, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = "http://127.0.0.1:{1}".format(*server.getsockname())
    assert reasons(address, "org/name") == [
        f"{address} cannot be reached (Connection refused), and the cache {tmp_path}/hub does not hold it; run "
        f"`fillmask pull org/name` where there is a network, copy the folder it prints, and name that"
    ]


def test_offline_names_the_cache_and_the_variable(reasons, tmp_path):
    assert reasons("http://127.0.0.1:9", "org/name", HF_HUB_OFFLINE="1") == [
        f"HF_HUB_OFFLINE is set, and the cache {tmp_path}/hub does not hold it; unset HF_HUB_OFFLINE for one `fillmask "
        f"pull org/name`"
    ]


@pytest.mark.parametrize(
    ("fetch", "command"),
    [
        ("from fillmask.artifact.hub import find_commit as fetch", "hf download"),  # what export and train read
        (
            "from fillmask import FillMask; fetch = lambda *name: FillMask('@'.join(name))",
            "fillmask pull",
        ),
    ],
)
def test_the_command_that_fetches_a_model_is_that_of_its_kind_with_the_revision(python, tmp_path, fetch, command):
    script = f"{fetch}\ntry:\n    fetch('org/name', 'v1')\nexcept Exception as error:\n    print(error)"
    message = python(script, HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")
    assert message.endswith(f"unset HF_HUB_OFFLINE for one `{command} org/name --revision v1`\n")


def test_a_full_disk_and_a_folder_of_another_user_name_the_cache():
    for error in (OSError(28, "No space left on device"), PermissionError(13, "Permission denied")):
        reason = explain(error, "org/name", "fillmask pull org/name")
        assert reason.startswith("the cache ")
        assert reason.endswith(f" cannot be written: {error}; HF_HOME names another folder")


@pytest.mark.parametrize("error", [RuntimeError("the peer went\nin the middle"), TimeoutError("timed out")])
def test_an_error_of_a_download_is_told_as_one_of_the_network(error):
    assert f"cannot be reached ({str(error).splitlines()[0]})" in explain(error, "org/name", "fillmask pull org/name")


def test_a_file_that_a_hub_with_a_network_does_not_give_may_be_one_that_the_model_lacks(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    reason = explain_missing("model_int8.onnx", "fillmask pull org/name --variant int8")
    assert " does not hold model_int8.onnx, and http" in reason
    assert reason.endswith("run `fillmask pull org/name --variant int8` where there is a network, and if that does not "
                           "help, the model itself lacks the file")  # fmt: skip


def test_an_upload_tells_a_fault_of_its_own_files_in_their_words():
    for error in (PermissionError(13, "Permission denied"), ValueError("no such name"), RuntimeError("xet\nfails")):
        assert explain_push(error, "org/name") == str(error).splitlines()[0]


def test_a_branch_that_the_model_lacks_is_told_to_be_made():
    from huggingface_hub.errors import RevisionNotFoundError

    error = RevisionNotFoundError.__new__(RevisionNotFoundError)  # its arguments are not those of every version
    assert explain_push(error, "org/name") == "the model has no such branch; make it first, at its page"
