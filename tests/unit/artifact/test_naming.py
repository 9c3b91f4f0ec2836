import pytest

from fillmask.artifact.naming import hub_id, is_folder, near_folder
from fillmask.errors import ArtifactError


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with two models in a folder."""
    for name in ("models/bert", "models/roberta"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_is_one_and_a_name_is_none(here):
    assert is_folder("models")
    assert is_folder(here)
    assert not is_folder("org/name")
    with pytest.raises(ArtifactError, match="cannot be opened: File name too long"):
        is_folder("a" * 300)


@pytest.mark.parametrize(
    ("model", "revision", "found"),
    [
        ("org/name", None, ("org/name", None)),
        ("name", "v1", ("name", "v1")),
        ("org/name@v1", None, ("org/name", "v1")),
        ("org/name@refs/pr/1", None, ("org/name", "refs/pr/1")),
    ],
)
def test_an_id_has_its_revision_beside_it_or_behind_an_at(model, revision, found):
    assert hub_id(model, revision) == found


@pytest.mark.parametrize("model", ["a/b/c", "./name", "/name", "@v1", "org/name@", "a b", "~/name"])
def test_what_is_no_id_is_refused(here, model):
    with pytest.raises(ArtifactError, match="is not a folder, and not the id of a hub model"):
        hub_id(model, None)


def test_two_revisions_are_refused(here):
    with pytest.raises(ArtifactError, match="names the revision 'v1', and revision='v2' another"):
        hub_id("org/name@v1", "v2")


def test_a_file_is_refused_with_its_folder(here):
    (here / "model.onnx").touch()
    with pytest.raises(ArtifactError, match=f"is a file; name its folder, {here}"):
        hub_id("model.onnx", None)


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("modles/bert", "models/bert"),
        ("models/bret", "models/bert"),
        ("./modles/bret", "models/bert"),
        ("minlm-en", "minilm-en"),
    ],
)
def test_a_mistyped_name_is_told_what_it_resembles(here, wrong, meant):
    assert near_folder(wrong) == f" (did you mean {meant!r}?)"
    assert near_folder(here / wrong) == (f" (did you mean {str(here / meant)!r}?)" if "/" in wrong else "")


@pytest.mark.parametrize("wrong", ["google-bert/bert-base-uncased", "models/xlnet", "zzz"])
def test_a_name_that_resembles_none_is_left_alone(here, wrong):
    assert near_folder(wrong) == ""


def test_the_error_names_the_folder_that_was_meant(here):
    with pytest.raises(ArtifactError, match=r"./modles is not a folder \(did you mean 'models'\?\), and not the id"):
        hub_id("./modles", None)
