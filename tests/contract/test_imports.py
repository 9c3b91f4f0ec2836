"""The engine runs where neither PyTorch nor anything of the exporter is installed."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import fillmask

ENGINE = Path(fillmask.__file__).parent
FILES = sorted(ENGINE.rglob("*.py"))
FORBIDDEN = {"torch", "transformers", "onnx", "optimum", "fillmask_export"}

LOAD = """
import importlib, json, sys, warnings
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
from fillmask.artifact.folder import EMBEDDED
if (EMBEDDED / "fillmask.json").exists():
    import fillmask
    assert fillmask.FillMask(threads=1).predict("Paris is the [MASK] of France.")
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def fresh_python(script, *arguments):
    command = [sys.executable, "-c", script, *arguments]
    ended = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def module_name(path):
    parts = ["fillmask", *path.relative_to(ENGINE).with_suffix("").parts]
    return ".".join(part for part in parts if part != "__init__")


def imported(path):
    """Names of the top-level packages that a file imports anywhere, by statement or by call."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            constants = [each.value for each in node.args if isinstance(each, ast.Constant)]
            if called in {"import_module", "__import__", "find_spec", "load_module", "importorskip"}:
                yield from (constant for constant in constants if isinstance(constant, str))


PREDICT = """
import json

import fillmask
assert fillmask.FillMask(threads=1).predict("Paris is the [MASK] of France.")
print(json.dumps(None))
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty one, to see what a prediction leaves there."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    return tmp_path


def test_onnx_runtime_is_kept_from_reporting_to_its_makers(home):
    fresh_python(PREDICT)
    assert not [path for path in home.rglob("*") if path.is_file()]


def test_onnx_runtime_would_report_if_it_were_let(home, monkeypatch):
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    fresh_python(PREDICT)
    if not any(home.rglob("deviceid")):
        pytest.skip("this ONNX Runtime does not")


def test_loading_and_using_the_whole_engine_loads_nothing_of_the_exporter():
    names = [module_name(path) for path in FILES if path.stem != "__main__"]
    assert not FORBIDDEN & set(fresh_python(LOAD, json.dumps(names)))


def test_importing_the_package_alone_loads_no_dependency():
    script = "import json, sys, fillmask; print(json.dumps(sorted(sys.modules)))"
    assert not {"numpy", "onnxruntime", "tokenizers", "huggingface_hub", "click"} & set(fresh_python(script))


def test_no_file_of_the_engine_imports_the_exporter_or_its_packages_even_lazily():
    found = {path: FORBIDDEN & {name.partition(".")[0] for name in imported(path)} for path in FILES}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import torch.nn",
        "from transformers import pipeline",
        "def f():\n    import onnx",
        "if TYPE_CHECKING:\n    import optimum",
        "import_module('fillmask_export.cli')",
        "importlib.util.find_spec('torch')",
        "__import__('onnx')",
    ],
)
def test_this_check_sees_every_way_of_importing(tmp_path, source):
    (tmp_path / "module.py").write_text(source)
    assert FORBIDDEN & {name.partition(".")[0] for name in imported(tmp_path / "module.py")}


def test_this_check_takes_onnxruntime_for_what_it_is(tmp_path):
    (tmp_path / "module.py").write_text("import onnxruntime as ort")
    assert list(imported(tmp_path / "module.py")) == ["onnxruntime"]
