import pytest

from fillmask import FillMask
from fillmask.artifact.folder import EMBEDDED, open_artifact
from fillmask.errors import ArtifactError
from tests.support import toys

# Which folder, which variant


def test_the_embedded_model_is_the_default(monkeypatch, native_folder):
    monkeypatch.setattr("fillmask.artifact.folder.EMBEDDED", native_folder)
    opened = open_artifact(None)
    assert (opened.folder, opened.source, opened.revision) == (native_folder, native_folder.name, None)
    assert EMBEDDED.name == "minilm-en"


def test_a_folder_may_be_a_string_or_a_path(native_folder):
    assert open_artifact(str(native_folder)) == open_artifact(native_folder)


def test_a_native_folder_recommends_its_default_variant(native_folder):
    opened = open_artifact(native_folder)
    assert opened.variants == {"fp32": "model_fp32.onnx", "int8": "model_int8.onnx"}
    assert opened.choose("auto") == "int8"


@pytest.mark.parametrize(
    ("files", "variants", "chosen"),
    [
        (["model.onnx"], {"fp32": "model.onnx"}, "fp32"),
        (["model_quantized.onnx"], {"q8": "model_quantized.onnx"}, "q8"),
        (["onnx/model.onnx", "onnx/model_quantized.onnx"],
         {"fp32": "onnx/model.onnx", "q8": "onnx/model_quantized.onnx"}, "fp32"),
        (["onnx/model_fp16.onnx", "onnx/model_q4f16.onnx"],
         {"fp16": "onnx/model_fp16.onnx", "q4f16": "onnx/model_q4f16.onnx"}, "fp16"),
        (["model.onnx", "onnx/model.onnx"], {"fp32": "model.onnx"}, "fp32"),
    ],
)  # fmt: skip
def test_a_foreign_folder_recommends_fp32_where_it_is_there(tmp_path, files, variants, chosen):
    opened = open_artifact(toys.write_foreign(tmp_path / "model", dict.fromkeys(files, b"graph")))
    assert opened.variants == variants
    assert opened.choose("auto") == chosen


def test_files_that_only_resemble_a_graph_are_no_variants(tmp_path):
    graphs = dict.fromkeys(["model.onnx", "model.onnx_data", "model.txt", "decoder_model.onnx", "models.onnx"], b"")
    assert list(open_artifact(toys.write_foreign(tmp_path / "model", graphs)).variants) == ["fp32"]


@pytest.mark.parametrize("variant", ["q4", "", "FP32"])
def test_a_variant_that_is_not_there_is_refused_with_those_that_are(native_folder, variant):
    with pytest.raises(ArtifactError) as raised:
        FillMask(native_folder, variant=variant)
    assert f"has no variant {variant!r}; it has fp32, int8" in str(raised.value)


# Folders that are none


@pytest.mark.parametrize("model", [3, b"model", ["model"], True, 1.5])
def test_a_model_of_another_type_is_refused(model):
    with pytest.raises(ArtifactError, match="must be a folder, a hub id or None, got ") as raised:
        FillMask(model)
    assert str(raised.value).endswith(repr(model))


def test_an_empty_folder_is_refused_with_what_was_looked_for(tmp_path):
    with pytest.raises(ArtifactError, match=r"holds none of fillmask\.json, model\.onnx, .*`fillmask export`"):
        FillMask(tmp_path)


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    for missing in (tmp_path / "nowhere", str(tmp_path / "nowhere")):
        with pytest.raises(ArtifactError, match="nowhere is not a folder, and not the id of a hub model"):
            FillMask(missing)


def test_a_file_is_not_a_folder(native_folder):
    with pytest.raises(ArtifactError, match=r"model_fp32\.onnx is a file; name its folder"):
        FillMask(native_folder / "model_fp32.onnx")


@pytest.mark.parametrize("model", ["", "a b", "org/name/more", "../x y", "a\0b", "-/", "http://example.org/m", "."])
def test_a_string_that_can_be_neither_is_refused_without_a_look_at_the_hub(model, monkeypatch, tmp_path):
    toys.write_foreign(tmp_path / "here", {"other.onnx": b""})
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr("fillmask.artifact.hub.fetch", lambda *_: pytest.fail("the hub was read"))
    with pytest.raises(ArtifactError):
        FillMask(model)


def test_an_empty_string_is_not_the_working_directory(native_folder, monkeypatch):
    monkeypatch.chdir(native_folder)
    with pytest.raises(ArtifactError, match="must be a folder, a hub id or None, got ''"):
        FillMask("")


# Revisions


@pytest.mark.parametrize("revision", ["main", "0" * 40, ""])
def test_a_folder_has_no_revisions(native_folder, foreign_folder, revision):
    for folder in (native_folder, str(foreign_folder)):
        with pytest.raises(ArtifactError, match=rf"revision '{revision}' belongs to a hub model, and .* is a folder"):
            FillMask(folder, revision=revision)


@pytest.mark.parametrize("revision", [5, b"main", True, ["main"]])
@pytest.mark.parametrize("model", ["org/name", "folder"])
def test_a_revision_of_another_type_is_refused_without_a_look_at_the_hub(monkeypatch, native_folder, model, revision):
    monkeypatch.setattr("fillmask.artifact.hub.fetch", lambda *_: pytest.fail("the hub was read"))
    with pytest.raises(ArtifactError, match="revision must be a branch, a tag or a commit, got ") as raised:
        FillMask(native_folder if model == "folder" else model, revision=revision)
    assert str(raised.value).endswith(repr(revision))


@pytest.mark.parametrize("revision", ["main", 5])
def test_the_embedded_model_has_no_revisions_either(monkeypatch, native_folder, revision):
    monkeypatch.setattr("fillmask.artifact.folder.EMBEDDED", native_folder)
    with pytest.raises(ArtifactError, match="revision"):
        open_artifact(None, revision=revision)
