"""Fixtures that several folders of tests share: checkpoints, and the engine's folders made from them.

Everything that needs torch or transformers is imported inside a fixture, so that the other tests run without them.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from fillmask import FillMask
from tests.support.training import FAMILIES

pytest.register_assert_rewrite("tests.support.agreement")

LAYOUTS = ("native", "foreign")

# A shell lets commands in the background ignore SIGINT, and nohup SIGHUP; the commands that tests run would inherit it.
for _name in ("SIGINT", "SIGTERM", "SIGHUP"):
    _number = getattr(signal, _name, None)
    if _number is not None and signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _name == "SIGINT" else signal.SIG_DFL)


@pytest.fixture(scope="session", params=FAMILIES)
def family(request) -> str:
    """Each tokenizer family in turn."""
    return request.param


@pytest.fixture(scope="session", params=LAYOUTS)
def layout(request) -> str:
    """Each layout of a model folder in turn."""
    return request.param


@pytest.fixture(scope="session")
def checkpoint_of(tmp_path_factory) -> Callable[[str], Path]:
    """Makes the checkpoint of a family, once a session."""

    @cache
    def make(family: str) -> Path:
        return _module("tests.support.checkpoints").make_checkpoint(
            family, tmp_path_factory.mktemp("checkpoints") / family
        )

    return make


@pytest.fixture(scope="session")
def torch_tracer(tmp_path_factory):
    """Each model is traced by ``torch.export`` once a session; gives the tracer itself."""
    torch_export = _module("fillmask_export.tracing.torch_export")
    tracer = torch_export.write_plain
    torch_export.write_plain = _module("tests.support.traces").traced_once(tracer, tmp_path_factory.mktemp("traces"))
    yield tracer
    torch_export.write_plain = tracer


@pytest.fixture(scope="session")
def folder_of(checkpoint_of, torch_tracer, tmp_path_factory) -> Callable[[str, str], Path]:
    """Makes the engine's folder of a family in a layout, once a session."""

    @cache
    def make(family: str, layout: str) -> Path:
        layouts = _module("tests.support.layouts")
        return layouts.lay_out(layout, checkpoint_of(family), tmp_path_factory.mktemp(layout) / family)

    return make


@pytest.fixture(scope="session")
def checkpoint(checkpoint_of, family) -> Path:
    """The checkpoint of each family in turn."""
    return checkpoint_of(family)


@pytest.fixture(scope="session")
def engine(folder_of, family, layout) -> FillMask:
    """The engine with each family and layout in turn."""
    return FillMask(folder_of(family, layout), threads=1)


@pytest.fixture(scope="session")
def reference(checkpoint):
    """transformers' own pipeline with each family's checkpoint."""
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torch").set_num_threads(1)
    return transformers.pipeline("fill-mask", model=str(checkpoint), device="cpu")


def _module(name: str) -> ModuleType:
    """One of the modules of tests/support that need torch and transformers; skips the test where those are missing."""
    for package in ("torch", "transformers"):
        pytest.importorskip(package)
    return import_module(name)


@pytest.fixture
def loopback(monkeypatch):
    """Lets huggingface_hub's clients reach a server on this machine, though other tests keep it from the hub."""
    from huggingface_hub import constants, utils

    end_sessions = getattr(utils, "close_session", None) or utils.reset_sessions  # its name since 1.0, and before
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    end_sessions()
    yield
    end_sessions()
