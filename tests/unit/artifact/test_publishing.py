import json

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


def pushed(python, address, folder, repo_id="org/name"):
    environment = {"HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0", "HF_TOKEN": "key", "HF_HUB_DISABLE_XET": "1"}
    return python(PUSH, json.dumps([str(folder), repo_id]), **environment)


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


def test_a_folder_that_has_changed_is_refused_before_a_request(native_copy):
    (native_copy / "model_int8.onnx").write_bytes(b"other")
    with pytest.raises(IntegrityError, match="expected SHA-256"):
        push_to_hub(native_copy, "org/name")


def test_a_folder_of_another_tool_is_refused(foreign_folder):
    with pytest.raises(ArtifactError, match=r"holds no fillmask\.json"):
        push_to_hub(foreign_folder, "org/name")
