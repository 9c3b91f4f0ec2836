"""Versions, also where ONNX Runtime was installed under another name."""

from importlib.metadata import PackageNotFoundError, version

import onnxruntime
import pytest
from click.testing import CliRunner

from fillmask import environment
from fillmask.bench import machine
from fillmask.cli.main import main
from fillmask_export import manifest


@pytest.fixture
def gpu_package(monkeypatch):
    """ONNX Runtime's module is there, and no package of its name: as after installing onnxruntime-gpu in its place."""

    def found(package):
        if package == "onnxruntime":
            raise PackageNotFoundError(package)
        return version(package)

    monkeypatch.setattr(environment, "version", found)


def test_versions_are_those_of_the_packages():
    assert environment.versions(["numpy", "tokenizers"]) == {name: version(name) for name in ("numpy", "tokenizers")}


def test_a_package_that_is_missing_is_an_error():
    with pytest.raises(PackageNotFoundError, match="no-such-package"):
        environment.versions(["no-such-package"])


@pytest.mark.usefixtures("gpu_package")
def test_onnxruntime_under_another_name_is_found():
    assert environment.versions(["onnxruntime"]) == {"onnxruntime": onnxruntime.__version__}
    assert machine.facts()["packages"]["onnxruntime"] == onnxruntime.__version__
    assert manifest.tools()["onnxruntime"] == onnxruntime.__version__


@pytest.mark.usefixtures("gpu_package")
def test_info_works_with_onnxruntime_under_another_name():
    shown = CliRunner().invoke(main, ["info"])
    assert shown.exit_code == 0, shown.output
    assert f"onnxruntime {onnxruntime.__version__}" in shown.output
