import json
import shutil
from pathlib import Path

import pytest

from fillmask import FillMask
from fillmask.artifact.folder import open_artifact
from fillmask.artifact.manifest import GPU_VARIANTS, parse_json, read_manifest, usual_variant
from fillmask.errors import ArtifactError
from tests.support import toys


@pytest.mark.parametrize("content", [b"", b"{", b"not JSON", b"\xff\xfe\x00", b"[" * 100_000, b"\x80"])
def test_a_manifest_that_is_not_json_is_refused_with_its_path(native_copy, content):
    (native_copy / "fillmask.json").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"fillmask\.json is not JSON: "):
        FillMask(native_copy)


@pytest.mark.parametrize(("content", "kind"), [("[]", "list"), ("3", "int"), ('"x"', "str"), ("null", "NoneType")])
def test_a_manifest_that_is_no_object_is_refused(native_copy, content, kind):
    (native_copy / "fillmask.json").write_text(content)
    with pytest.raises(ArtifactError, match=rf"fillmask\.json must hold a JSON object, got {kind}"):
        FillMask(native_copy)


@pytest.mark.parametrize("version", [0, 2, "1", None, [1]])
def test_a_manifest_of_another_schema_is_refused_with_both_versions(native_copy, version):
    toys.write_manifest(native_copy, schema_version=version)
    with pytest.raises(ArtifactError, match=r"has schema_version .*, this fillmask reads 1"):
        FillMask(native_copy)


@pytest.mark.parametrize("key", ["files", "variants"])
def test_a_manifest_that_lacks_what_the_engine_reads_is_refused_with_the_key(native_copy, key):
    toys.write_manifest(native_copy, **{key: None})
    with pytest.raises(ArtifactError, match=rf"fillmask\.json must map .*{key}.*; export the model again"):
        FillMask(native_copy)


def test_a_manifest_may_lack_what_the_engine_reads_elsewhere(native_copy, native):
    toys.write_manifest(native_copy, mask_token=None, max_length=None)
    alike = FillMask(native_copy, variant="fp32", threads=1)
    assert (alike.mask_token, alike.max_length) == (native.mask_token, native.max_length)


def test_a_manifest_that_recommends_nothing_leaves_fp32(native_copy):
    toys.write_manifest(native_copy, default_variant=None)
    assert FillMask(native_copy, threads=1).variant == "fp32"


@pytest.mark.parametrize("default", ["q4", ""])
def test_a_manifest_that_recommends_what_is_not_there_is_refused(native_copy, default):
    toys.write_manifest(native_copy, default_variant=default)
    with pytest.raises(ArtifactError) as raised:
        FillMask(native_copy)
    assert f"has no variant {default!r}; it has fp32, int8" in str(raised.value)


@pytest.mark.parametrize("default", [3, True, ["fp32"], {"fp32": 1}], ids=str)
def test_a_manifest_that_recommends_no_name_is_refused(native_copy, default):
    toys.write_manifest(native_copy, default_variant=default)
    for variant in ("auto", "fp32"):
        with pytest.raises(ArtifactError, match=r"fillmask\.json must name its default_variant, got ") as raised:
            FillMask(native_copy, variant=variant)
        assert f"{default!r}; export the model again" in str(raised.value)


@pytest.mark.parametrize(
    "name", ["../model.onnx", "/etc/passwd", "a/b", "./model.onnx", "a/", "..", ".", "", "a/../../b", "a\0b", "..\\b"]
)
def test_a_manifest_that_names_files_elsewhere_is_refused(native_copy, name):
    listed = {name: {"sha256": "0" * 64, "bytes": 1}}
    toys.write_manifest(native_copy, files=listed, variants={"fp32": {"file": name}}, default_variant="fp32")
    with pytest.raises(ArtifactError, match="which is not the name of a file in its own folder") as raised:
        open_artifact(native_copy)
    assert repr(name) in str(raised.value)


def test_a_variant_that_names_a_file_elsewhere_is_refused_though_nothing_lists_it(native_copy):
    shutil.copy(native_copy / "model_fp32.onnx", native_copy.parent / "outside.onnx")
    toys.write_manifest(native_copy, variants={"fp32": {"file": "../outside.onnx"}})
    with pytest.raises(ArtifactError, match=r"lists '\.\./outside\.onnx', which is not the name of a file"):
        FillMask(native_copy)


@pytest.mark.parametrize(
    "changes",
    [
        {"files": []},
        {"files": {"config.json": "0" * 64}},
        {"files": {"config.json": {"bytes": 1}}},
        {"files": {"config.json": {"sha256": "0" * 64}}},
        {"files": {"config.json": {"sha256": 0, "bytes": 1}}},
        {"files": {"config.json": {"sha256": "0" * 64, "bytes": "1"}}},
        {"variants": []},
        {"variants": {}},
        {"variants": {"fp32": "model_fp32.onnx"}},
        {"variants": {"fp32": {}}},
        {"variants": {"fp32": {"file": 3}}},
    ],
    ids=str,
)
def test_a_manifest_with_values_of_other_types_is_refused(native_copy, changes):
    toys.write_manifest(native_copy, **changes)
    with pytest.raises(ArtifactError, match="must map files to sha256 and bytes, and variants to a file; export"):
        FillMask(native_copy)


@pytest.mark.parametrize("weights", [3, True, 1.5, ["w"], {"file": "w"}], ids=str)
def test_a_variant_whose_weights_are_no_file_name_is_refused(native_copy, weights):
    entry = {"file": "model_fp32.onnx", "weights": weights}
    toys.write_manifest(native_copy, variants={"fp32": entry}, default_variant="fp32")
    with pytest.raises(ArtifactError):
        FillMask(native_copy)


def test_a_manifest_that_is_a_folder_is_refused(native_copy):
    (native_copy / "fillmask.json").unlink()
    (native_copy / "fillmask.json").mkdir()
    with pytest.raises(ArtifactError):
        FillMask(native_copy)


def test_a_manifest_that_is_a_link_to_no_file_is_refused_rather_than_none(native_copy):
    (native_copy / "fillmask.json").unlink()
    (native_copy / "fillmask.json").symlink_to(native_copy / "nowhere")
    with pytest.raises(ArtifactError, match=r"fillmask\.json cannot be read: No such file"):
        FillMask(native_copy, variant="fp32")


def test_a_manifest_that_cannot_be_read_is_refused(native_copy, monkeypatch):
    read = Path.read_bytes

    def denied(path):
        if path.name == "fillmask.json":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(ArtifactError, match="Permission denied"):
        FillMask(native_copy)


def test_keys_of_earlier_versions_get_their_present_names(native_copy):
    stored = [{"text": "[MASK]", "tokens": [7], "scores": [0.5]}]
    variants = toys.variants(native_copy)
    variants["fp32"]["answers"] = variants["int8"]["expected"] = stored
    toys.write_manifest(native_copy, variants=variants)
    for entry in read_manifest(native_copy / "fillmask.json")["variants"].values():
        assert entry["expected"] == stored
        assert "answers" not in entry


def test_a_manifest_is_read_as_it_was_written(native_folder):
    path = native_folder / "fillmask.json"
    assert read_manifest(path) == json.loads(path.read_text())


@pytest.mark.parametrize(
    ("manifest", "variants", "gpu", "usual"),
    [
        ({"default_variant": "int8"}, ["fp32", "int8"], False, "int8"),
        ({"default_variant": "int8"}, ["fp32", "int8"], True, "fp32"),
        ({"default_variant": "int8"}, ["fp32", "int8", "fp16"], True, "fp16"),
        ({"default_variant": "int8"}, ["int8"], True, "int8"),
        ({"schema_version": 1}, ["int8", "fp32"], False, "fp32"),
        ({"schema_version": 1}, ["int8", "q4"], False, "int8"),
        ({}, ["fp16", "fp32"], True, "fp32"),
        ({}, ["fp16"], True, "fp16"),
    ],
)
def test_auto_is_what_the_manifest_recommends_and_on_a_gpu_a_variant_for_it(manifest, variants, gpu, usual):
    assert usual_variant(manifest, variants, gpu=gpu) == usual
    assert GPU_VARIANTS == ("fp16", "fp32")


def test_json_is_parsed_with_its_path_in_every_error():
    path = Path("some.json")
    assert parse_json(path, b'{"a": [1]}') == {"a": [1]}
    with pytest.raises(ArtifactError, match=r"^some\.json is not JSON: "):
        parse_json(path, b"{")
    with pytest.raises(ArtifactError, match=r"^some\.json must hold a JSON object, got list$"):
        parse_json(path, b"[]")
