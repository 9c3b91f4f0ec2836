"""Model folders that many tests read; a test that changes one takes a copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from fillmask.artifact.folder import open_artifact
from fillmask.artifact.tokenizer import open_tokenizer
from fillmask.model import Model
from fillmask.pipeline import FillMask
from tests.support import toys


@pytest.fixture(scope="session")
def native_folder(tmp_path_factory):
    return toys.write_native(tmp_path_factory.mktemp("models") / "native")


@pytest.fixture(scope="session")
def foreign_folder(tmp_path_factory):
    return toys.write_foreign(tmp_path_factory.mktemp("models") / "foreign")


@pytest.fixture
def native_copy(native_folder, tmp_path):
    return shutil.copytree(native_folder, tmp_path / "native")


@pytest.fixture
def weighty(tmp_path):
    """A native folder whose variants keep their weights in files of their own; a test may change it."""
    return toys.write_weighty(tmp_path / "weighty")


@pytest.fixture
def foreign_copy(foreign_folder, tmp_path):
    return shutil.copytree(foreign_folder, tmp_path / "foreign")


@pytest.fixture(scope="session")
def native(native_folder):
    return FillMask(native_folder, variant="fp32", threads=1)


@pytest.fixture(scope="session")
def foreign(foreign_folder):
    return FillMask(foreign_folder, threads=1)


@pytest.fixture(params=["native", "foreign"])
def fill_mask(request):
    """The same model in both layouts; both must predict the same."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def tokenizer(foreign_folder):
    return open_tokenizer(open_artifact(foreign_folder))


@pytest.fixture(scope="session")
def byte_level(tmp_path_factory):
    """The tokenizer of a model with byte-level BPE and the mask ``<mask>``."""
    settings = {"mask_token": "<mask>", "pad_token": "<pad>"}
    folder = tmp_path_factory.mktemp("models") / "byte-level"
    graph = toys.foreign_graph(toys.tables(size=toys.byte_level().get_vocab_size()))
    toys.write_foreign(folder, {"model.onnx": graph}, tokenizer=toys.byte_level(), settings=settings)
    return open_tokenizer(open_artifact(folder))


@pytest.fixture
def python():
    """Run a script in a fresh Python and give its output; ``env`` is added to the environment."""

    def run(script: str, *arguments: object, **env: str) -> str:
        command = [sys.executable, "-c", script, *map(str, arguments)]
        ended = subprocess.run(command, env=os.environ | env, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return run


@pytest.fixture
def with_options(monkeypatch):
    """Stands for a provider with options, of which no other is everywhere: the CPU, which ignores them."""
    monkeypatch.setattr("fillmask.runtime.providers._WITHOUT_OPTIONS", ())


@pytest.fixture
def runs(monkeypatch):
    """The sizes of the batches that the model runs."""
    sizes, logits = [], Model.logits

    def counted(self, rows):
        sizes.append(len(rows))
        return logits(self, rows)

    monkeypatch.setattr(Model, "logits", counted)
    return sizes
