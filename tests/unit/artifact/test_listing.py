import json
import shutil

from fillmask.artifact.listing import list_models
from tests.unit.artifact.test_hub import COMMIT, OTHER, cache

NAMES = """
import json, sys
from fillmask.artifact.listing import list_models
print(json.dumps([(each.name, each.place, each.variants) for each in list_models(sys.argv[1:])]))
"""


def test_the_embedded_model_a_folder_and_its_subfolders_are_listed(tmp_path, native_folder, foreign_folder):
    for name, folder in (("a", native_folder), ("b", foreign_folder)):
        shutil.copytree(folder, tmp_path / name)
    (tmp_path / "none").mkdir()
    found = [*list_models([tmp_path, native_folder, tmp_path / "missing"])]
    assert [(each.name, each.place) for each in found if each.place != "hub cache"] == [
        ("minilm-en", "embedded"),
        (str(tmp_path / "a"), "folder"),
        (str(tmp_path / "b"), "folder"),
        (str(native_folder), "folder"),
    ]
    assert found[1].variants == ("fp32", "int8")
    assert found[1].bytes == sum(path.stat().st_size for path in native_folder.iterdir())


def test_a_variant_whose_graph_is_not_there_is_left_out(native_copy):
    (native_copy / "model_int8.onnx").unlink()
    assert [each.variants for each in list_models([native_copy]) if each.place == "folder"] == [("fp32",)]


def test_models_in_the_cache_are_named_as_model_takes_them(python, tmp_path):
    from tests.support import toys

    cache(tmp_path, toys.write_native)
    cache(tmp_path, toys.write_native, commit=OTHER, branch="next")
    printed = json.loads(python(NAMES, HF_HOME=str(tmp_path), HF_HUB_CACHE=str(tmp_path / "hub")))
    assert sorted(printed[1:]) == [
        ["org/name", "hub cache", ["fp32", "int8"]],
        [f"org/name@{OTHER}", "hub cache", ["fp32", "int8"]],
    ]
    assert COMMIT != OTHER


def test_without_a_cache_there_are_none_of_the_hub(python, tmp_path):
    printed = json.loads(python(NAMES, HF_HOME=str(tmp_path), HF_HUB_CACHE=str(tmp_path / "hub")))
    assert printed == [["minilm-en", "embedded", ["int8"]]]


def test_a_file_in_place_of_the_cache_holds_none(python, tmp_path):
    (tmp_path / "hub").touch()
    printed = json.loads(python(NAMES, HF_HOME=str(tmp_path), HF_HUB_CACHE=str(tmp_path / "hub")))
    assert printed == [["minilm-en", "embedded", ["int8"]]]
