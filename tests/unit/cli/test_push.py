import pytest
from click.testing import CliRunner

from fillmask.cli.main import main


@pytest.fixture
def pushes(monkeypatch):
    """What is uploaded; nothing is."""
    calls = []

    def push(*arguments, **options):
        calls.append((arguments, options))
        return "https://hub/org/name/commit/1"

    monkeypatch.setattr("fillmask.artifact.publishing.push_to_hub", push)
    return calls


def push(*arguments):
    return CliRunner().invoke(main, ["push", *map(str, arguments)])


def test_the_address_of_the_commit_is_printed(pushes, native_folder):
    result = push(native_folder, "org/name", "--private", "--message", "First")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "https://hub/org/name/commit/1\n", "")
    assert pushes == [
        ((str(native_folder), "org/name"), {"private": True, "revision": None, "message": "First"}),
    ]


@pytest.mark.parametrize(("folder", "code"), [("foreign_folder", 2), ("native_copy", 1)])
def test_a_folder_that_is_wrong_is_refused(request, folder, code):
    path = request.getfixturevalue(folder)
    if folder == "native_copy":
        (path / "tokenizer.json").write_text("{}")
    assert push(path, "org/name").exit_code == code
