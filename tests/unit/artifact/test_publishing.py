import json
import socket

import pytest

from fillmask.artifact.publishing import push_to_hub
from fillmask.errors import ArtifactError, IntegrityError
from tests.support.hub_stub import COMMIT, Hub, served

PUSH = """
import json, sys
from fillmask import FillMaskError, push_to_hub
try:
    print(push_to_hub(*json.loads(sys.argv[1]), private=True))
except FillMaskError as error:
    print(type(error).__name__, error)
"""


def pushed(python, address, folder, repo_id="org/name", **environment):
    usual = {"HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0", "HF_TOKEN": "key", "HF_HUB_DISABLE_XET": "1"}
    return python(PUSH, json.dumps([str(folder), repo_id]), **usual | environment)


def test_the_files_of_the_manifest_and_the_card_become_one_commit(python, native_copy):
    (native_copy / "README.md").write_text("---\nlibrary_name: fillmask\n---\n")
    (native_copy / "notes.txt").write_text("mine")
    hub = Hub()
    with served(hub) as address:
        assert pushed(python, address, native_copy) == f"{address}/org/name/commit/{COMMIT}\n"
    names = {path.name for path in native_copy.iterdir()} - {"notes.txt"}
    assert hub.pushed == {name: (native_copy / name).read_bytes() for name in names}
    assert [(each["organization"], each["name"]) for each in hub.created] == [("org", "name")]


def test_what_the_hub_does_not_take_is_one_line(python, native_copy):
    with served(Hub()) as address:
        message = pushed(python, address, native_copy, "other/name")
    assert message.startswith(f"ArtifactError the hub does not take {native_copy} as 'other/name': ")
    assert message.count("\n") == 1


REFUSALS = {
    "org/forbidden": (403, {"X_Error_Message": "You do not have the rights to create a model here"}),
    "org/unknown": (401, {"X_Error_Message": "Invalid username or password."}),
    "org/broken": (503, {}),
}


@pytest.mark.parametrize(
    ("name", "token", "reason"),
    [
        ("forbidden", "key", "this token may not write there (403); HF_TOKEN must be a token that may write to "
                             "org/forbidden (You do not have the rights to create a model here)"),
        ("unknown", "key", "the hub rejects the token (401); HF_TOKEN must be a valid one, or else `hf auth login` "
                           "again (Invalid username or password.)"),
        ("unknown", "", "there is no token (401); HF_TOKEN must be a token that may write to org/unknown, or else "
                        "`hf auth login` (Invalid username or password.)"),
        ("broken", "key", "the hub fails (503); try again later"),
    ],
)  # fmt: skip
def test_each_refusal_of_the_hub_says_what_to_do(python, native_copy, name, token, reason):
    with served(Hub(refusals=REFUSALS)) as address:
        message = pushed(python, address, native_copy, f"org/{name}", HF_TOKEN=token, HF_TOKEN_PATH="none")
    assert message == f"ArtifactError the hub does not take {native_copy} as 'org/{name}': {reason}\n"


def test_a_hub_that_cannot_be_reached_is_one_line(python, native_copy):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = "http://127.0.0.1:{1}".format(*server.getsockname())
    assert pushed(python, address, native_copy).endswith(
        f" as 'org/name': {address} cannot be reached (Connection refused); push where there is a network\n"
    )
    assert pushed(python, address, native_copy, HF_HUB_OFFLINE="1").endswith(
        " as 'org/name': HF_HUB_OFFLINE is set; unset HF_HUB_OFFLINE for this command\n"
    )


def test_a_folder_that_has_changed_is_refused_before_a_request(native_copy):
    (native_copy / "model_int8.onnx").write_bytes(b"other")
    with pytest.raises(IntegrityError, match="expected SHA-256"):
        push_to_hub(native_copy, "org/name")


def test_a_folder_of_another_tool_is_refused(foreign_folder):
    with pytest.raises(ArtifactError, match=r"holds no fillmask\.json"):
        push_to_hub(foreign_folder, "org/name")
