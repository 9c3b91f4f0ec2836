import json
import zipfile

import pytest

from benchmarks.harness.options import SuiteOptions
from benchmarks.models.folders import ModelFolders
from benchmarks.suites import size
from benchmarks.suites.size import InstallError, bytes_of, install


def write(path, number):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * number)


@pytest.fixture
def folders(tmp_path):
    for name, number in (("model.safetensors", 9000), ("tokenizer.json", 700), ("config.json", 10), ("junk", 5)):
        write(tmp_path / "checkpoint" / name, number)
    for name, number in (("model.onnx", 12_000), ("model_quantized.onnx", 4000), ("tokenizer.json", 700)):
        write(tmp_path / "optimum" / name, number)
    for name, number in (("model.onnx", 100), ("model.onnx_data", 8000), ("model_int8.onnx", 110),
                         ("model_int8.onnx_data", 2000), ("tokenizer.json", 650)):  # fmt: skip
        write(tmp_path / "artifact" / name, number)
    variants = {"fp32": {"file": "model.onnx", "weights": "model.onnx_data"},
                "int8": {"file": "model_int8.onnx", "weights": "model_int8.onnx_data"}}  # fmt: skip
    names = [path.name for path in (tmp_path / "artifact").iterdir()]
    manifest = json.dumps({"variants": variants, "files": {name: {"bytes": 1} for name in names}})
    (tmp_path / "artifact" / "fillmask.json").write_text(manifest)
    places = [tmp_path / name for name in ("checkpoint", "optimum", "artifact")]
    return ModelFolders("xlmr-base", *places, trained=False)


def test_a_model_is_what_its_contender_needs_and_no_other_variant(folders):
    manifest = (folders.artifact / "fillmask.json").stat().st_size
    assert size.model_bytes(folders) == {
        "fillmask-int8": 2110 + 650 + manifest,
        "fillmask-fp32": 8100 + 650 + manifest,
        "transformers": 9710,
        "optimum-fp32": 12_700,
        "optimum-int8": 4700,
    }


def test_bytes_of_a_file_and_of_a_folder(tmp_path):
    write(tmp_path / "a" / "b", 3)
    assert bytes_of(tmp_path / "a" / "b") == bytes_of(tmp_path) == 3


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("tiny.py", "x = 1\n" * 1000)
        file.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        file.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("tiny-1.0.dist-info/RECORD", "")
    return path


def test_a_folder_holds_the_requirements_and_nothing_else(wheel, tmp_path):
    write(tmp_path / "installed" / "left over.py", 100_000)
    assert install([str(wheel)], tmp_path / "installed") == ["tiny-1.0"]
    assert 6000 < bytes_of(tmp_path / "installed") < 100_000


def test_pip_that_fails_is_an_error(tmp_path):
    with pytest.raises(InstallError, match="pip ended with 1"):
        install([str(tmp_path / "missing")], tmp_path / "installed")


def test_the_record_compares_bytes_and_distributions_and_names_no_place(folders, tmp_path, monkeypatch):
    def fake(requirements, home):
        ours = home.name == "fillmask"
        write(home / "a" / "file", 100 if ours else 1000)
        return list("ab" if ours else "abcdefghijklmnopqrst")

    monkeypatch.setattr(size, "install", fake)
    monkeypatch.setattr(size, "BUILT", tmp_path / "built")
    found = size.measure(SuiteOptions("xlmr-base", "full"), folders)
    ratios = {(each.contender, each.case["of"], each.baseline): each.ratio for each in found.comparisons}
    assert ratios["fillmask", "software", "torch + transformers"] == pytest.approx(0.1)
    assert ratios["fillmask", "distributions", "torch + transformers"] == pytest.approx(0.1)
    assert ratios["fillmask-int8", "model", "transformers"] < 0.4
    assert not found.controls
    assert "/" not in json.dumps([row.settings for row in found.rows])


def test_what_cannot_be_installed_makes_the_run_invalid(folders, monkeypatch):
    def fail(requirements, home):
        raise InstallError("pip ended with 1, see its output")

    monkeypatch.setattr(size, "install", fail)
    found = size.measure(SuiteOptions("xlmr-base", "full"), folders)
    assert "was not installed" in found.gate
    assert [row.failed for row in found.rows if row.case["of"] == "software"] == [
        "pip ended with 1, see its output"
    ] * 2
