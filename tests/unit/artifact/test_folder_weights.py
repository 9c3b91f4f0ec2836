"""Weights outside a native graph: no model is made of others than were hashed, and they are read from nowhere else."""

import json
import pickle
import random
import shutil

import onnx
import pytest

from fillmask import ArtifactError, FillMask, IntegrityError
from fillmask.artifact.folder import Artifact, open_artifact
from fillmask.runtime import opening
from fillmask.verification import verify
from tests.support import toys

TEXT = "the [MASK] sat on the mat."
WEIGHTS = "model_fp32.onnx_data"
ELSEWHERE = ["../w", "/etc/passwd", "a/b", "./w", "a/", "..", ".", "", "a/../../b", "a\0b", "..\\b", "w\n"]


def flip(content, place):
    return content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :]


DAMAGES = {
    "first bit": lambda content: flip(content, 0),
    "last bit": lambda content: flip(content, len(content) - 1),
    "truncated": lambda content: content[:-1],
    "halved": lambda content: content[: len(content) // 2],
    "lengthened": lambda content: content + b"\0",
    "zeroed": lambda content: bytes(len(content)),
    "of another model": lambda content: content[::-1],
}


@pytest.fixture
def started(monkeypatch):
    """What ONNX Runtime was given since the test began to look."""
    graphs, start = [], opening.ort.InferenceSession

    def spy(graph, *arguments, **kwargs):
        graphs.append(graph)
        return start(graph, *arguments, **kwargs)

    monkeypatch.setattr(opening.ort, "InferenceSession", spy)
    return graphs


def edit(folder, change):
    """Change the manifest."""
    manifest = json.loads((folder / "fillmask.json").read_text())
    change(manifest)
    (folder / "fillmask.json").write_text(json.dumps(manifest))


def relocate(graph, location):
    """Have a graph read its weights from another place."""
    model = onnx.load(graph, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in (entry for entry in tensor.external_data if entry.key == "location"):
            entry.value = location
    graph.write_bytes(model.SerializeToString())


def store_expected(folder):
    """Have the manifest hold what ``verify`` predicts again."""
    variants = toys.variants(folder)
    for name, entry in variants.items():
        (row,) = FillMask(folder, variant=name, threads=1).predict(TEXT)
        expected = {"text": TEXT, "tokens": [p.token for p in row], "scores": [p.score for p in row]}
        entry |= {"tolerance": 1e-4, "expected": [expected]}
    toys.write_manifest(folder, variants=variants)
    return folder


def assert_refused(folder, started, message):
    """By FillMask and by verify. Of weights that have another size ONNX Runtime sees nothing."""
    started.clear()
    for load in (lambda: FillMask(folder, variant="fp32", threads=1), lambda: verify(folder)):
        with pytest.raises(IntegrityError, match=message):
            load()
    path = folder / WEIGHTS
    listed = json.loads((folder / "fillmask.json").read_text())["files"][WEIGHTS]["bytes"]
    assert started == [] or path.stat().st_size == listed


# Weights that are what they were


@pytest.mark.parametrize("variant", ["fp32", "int8"])
def test_weights_outside_the_graph_predict_as_those_inside_it(weighty, native_folder, variant):
    outside, inside = (FillMask(folder, variant=variant, threads=1) for folder in (weighty, native_folder))
    assert pickle.dumps(outside.predict(TEXT)) == pickle.dumps(inside.predict(TEXT))
    assert pickle.loads(pickle.dumps(outside)).predict(TEXT) == inside.predict(TEXT)


def test_a_folder_named_relatively_or_in_any_script_finds_its_weights(weighty, native, monkeypatch):
    moved = weighty.rename(weighty.parent / "mögel 模型 %20")
    monkeypatch.chdir(moved.parent)
    for folder in (moved, moved.name, f"./{moved.name}"):
        assert FillMask(folder, variant="fp32", threads=1).predict(TEXT) == native.predict(TEXT)
    monkeypatch.chdir(moved)
    assert FillMask(".", variant="fp32", threads=1).predict(TEXT) == native.predict(TEXT)


def test_a_graph_is_given_with_the_file_of_its_weights_if_it_has_any(weighty, native_folder, foreign_folder):
    graph = open_artifact(weighty).graph("fp32")
    assert graph.content == (weighty / "model_fp32.onnx").read_bytes()
    assert graph.weights.path == weighty / "model_fp32.onnx_data"
    inside = (native_folder / "model_fp32.onnx").read_bytes()
    assert open_artifact(native_folder).graph("fp32") == (inside, None)
    assert open_artifact(foreign_folder).graph("fp32") == (foreign_folder / "model.onnx", None)


def test_weights_beside_a_foreign_graph_are_read(foreign_copy, foreign):
    toys.move_weights_out(foreign_copy / "model.onnx", "model.onnx_data")
    assert FillMask(foreign_copy, threads=1).predict(TEXT) == foreign.predict(TEXT)


def test_an_artifact_with_weights_verifies(weighty):
    assert [check.passed for check in verify(store_expected(weighty))] == [True, True]


# Weights that are not


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
def test_damaged_weights_are_refused(weighty, started, damage):
    path = store_expected(weighty) / WEIGHTS
    path.write_bytes(damage(path.read_bytes()))
    assert_refused(weighty, started, f"{WEIGHTS} is not the file that fillmask.json lists: expected SHA-256 .*, got ")


def test_a_flipped_bit_anywhere_in_the_weights_is_refused(weighty, started):
    rng, path = random.Random(0), store_expected(weighty) / WEIGHTS
    intact = path.read_bytes()
    for _ in range(40):
        path.write_bytes(flip(intact, rng.randrange(len(intact))))
        assert_refused(weighty, started, f"{WEIGHTS} is not the file")


def test_damaged_weights_are_named_where_onnx_runtime_fails_on_them(weighty, monkeypatch):
    path = weighty / WEIGHTS
    path.write_bytes(flip(path.read_bytes(), 0))

    def fail(*_, **__):
        raise RuntimeError("ONNX Runtime fails")

    monkeypatch.setattr(opening.ort, "InferenceSession", fail)
    with pytest.raises(IntegrityError, match=f"{WEIGHTS} is not the file") as raised:
        FillMask(weighty, variant="fp32", threads=1)
    assert "ONNX Runtime fails" in str(raised.value.__context__)


def test_intact_weights_do_not_hide_that_onnx_runtime_fails(weighty, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("it fails")

    monkeypatch.setattr(opening.ort, "InferenceSession", fail)
    with pytest.raises(ArtifactError, match="ONNX Runtime cannot load the graph: it fails"):
        FillMask(weighty, variant="fp32", threads=1)


def test_intact_weights_that_take_the_place_of_damaged_ones_are_not_hashed_for_them(weighty, monkeypatch):
    path = weighty / WEIGHTS
    intact = path.read_bytes()
    path.write_bytes(flip(intact, 0))
    check = Artifact.check_weights

    def replaced(artifact, graph):
        (weighty / "intact").write_bytes(intact)
        (weighty / "intact").replace(path)
        check(artifact, graph)

    monkeypatch.setattr(Artifact, "check_weights", replaced)
    with pytest.raises(IntegrityError):
        FillMask(weighty, variant="fp32", threads=1)


def test_missing_weights_are_named(weighty, started):
    (store_expected(weighty) / WEIGHTS).unlink()
    assert_refused(weighty, started, f"{WEIGHTS} cannot be read: No such file")


def test_empty_weights_are_refused(weighty, started):
    (store_expected(weighty) / WEIGHTS).write_bytes(b"")
    assert_refused(weighty, started, rf"{WEIGHTS} is not the file .* got \w{{64}} \(0 bytes\)")


def test_a_folder_in_the_place_of_weights_is_refused(weighty, started):
    path = store_expected(weighty) / WEIGHTS
    path.unlink()
    path.mkdir()
    assert_refused(weighty, started, f"{WEIGHTS} cannot be read: ")


def test_the_weights_of_another_variant_are_refused(weighty, started):
    fp32, int8 = store_expected(weighty) / WEIGHTS, weighty / "model_int8.onnx_data"
    swapped = int8.read_bytes(), fp32.read_bytes()
    assert len(swapped[0]) == len(swapped[1])
    fp32.write_bytes(swapped[0])
    int8.write_bytes(swapped[1])
    assert_refused(weighty, started, r"model_\w+\.onnx_data is not the file")


def test_weights_that_are_used_but_not_listed_are_refused(weighty, started):
    edit(weighty, lambda manifest: manifest["files"].pop(WEIGHTS))
    with pytest.raises(IntegrityError, match=f"{WEIGHTS} is not listed in fillmask.json; export the model again"):
        FillMask(weighty, variant="fp32")
    assert started == []


def test_broken_weights_of_a_variant_do_not_keep_another_from_loading(weighty, native):
    (weighty / "model_int8.onnx_data").write_bytes(b"broken")
    assert FillMask(weighty, variant="fp32", threads=1).predict(TEXT) == native.predict(TEXT)


# Weights that the manifest does not name


@pytest.mark.parametrize("place", ["working directory", "elsewhere"])
def test_weights_that_the_variant_does_not_name_are_not_read_though_they_are_listed(
    weighty, monkeypatch, tmp_path, place
):
    edit(weighty, lambda manifest: manifest["variants"]["fp32"].pop("weights"))
    monkeypatch.chdir(weighty if place == "working directory" else tmp_path)
    with pytest.raises(IntegrityError, match=r"reads weights from 'model_fp32\.onnx_data', .* lists no file"):
        FillMask(weighty, variant="fp32", threads=1)


def test_the_working_directory_does_not_stand_in_for_the_artifacts_folder(weighty, native, monkeypatch, tmp_path):
    (tmp_path / "here").mkdir()
    shutil.copy(weighty / "model_int8.onnx_data", tmp_path / "here" / WEIGHTS)
    monkeypatch.chdir(tmp_path / "here")
    assert FillMask(weighty, variant="fp32", threads=1).predict(TEXT) == native.predict(TEXT)


@pytest.mark.parametrize("location", ["unlisted.bin", "../outside.bin", "{outside}"])
def test_a_graph_reads_no_weights_but_the_hashed_ones_that_its_variant_names(weighty, tmp_path, location):
    for copy in (weighty / "unlisted.bin", tmp_path / "outside.bin"):
        shutil.copy(weighty / WEIGHTS, copy)
    relocate(weighty / "model_fp32.onnx", location.format(outside=tmp_path / "outside.bin"))
    toys.write_manifest(weighty)
    edit(weighty, lambda manifest: manifest["files"].pop("unlisted.bin"))
    with pytest.raises(ArtifactError):
        FillMask(weighty, variant="fp32", threads=1)


@pytest.mark.parametrize("name", ELSEWHERE)
def test_weights_with_a_path_in_their_name_are_refused(weighty, started, name):
    edit(weighty, lambda manifest: manifest["variants"]["fp32"].update(weights=name))
    for load in (open_artifact, verify, FillMask):
        with pytest.raises(ArtifactError, match="which is not the name of a file in its own folder") as raised:
            load(weighty)
        assert repr(name) in str(raised.value)
    assert started == []
