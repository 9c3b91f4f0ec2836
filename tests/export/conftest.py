"""Checkpoints and their plain graphs; nothing here is collected where torch is not installed."""

from __future__ import annotations

import os
import shutil
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

# transformers reads this once, when it is imported: no test of this folder may use the hub.
os.environ["HF_HUB_OFFLINE"] = "1"

collect_ignore_glob = [] if all(map(find_spec, ("torch", "transformers", "onnxscript"))) else ["*test_*.py"]


@pytest.fixture(scope="session", autouse=True)
def _traces_are_shared(torch_tracer):
    """Many tests here export the same few checkpoints."""


@pytest.fixture
def traced_anew(torch_tracer, monkeypatch):
    """For a test whose subject the tracer is too."""
    monkeypatch.setattr("fillmask_export.tracing.torch_export.write_plain", torch_tracer)


@pytest.fixture(scope="session")
def plain_of(checkpoint_of, tmp_path_factory):
    """Converts the checkpoint of a family, once a session, and gives the path of its graph."""

    @cache
    def make(family: str) -> Path:
        from fillmask_export.checkpoint import open_checkpoint
        from fillmask_export.tracing import trace

        folder = tmp_path_factory.mktemp(f"plain-{family}")
        trace(open_checkpoint(checkpoint_of(family)), folder)
        return folder / "plain.onnx"

    return make


@pytest.fixture
def plain(plain_of, family):
    """The graph of each family as the tracer makes it, a new one for each test, since passes work in place."""
    import onnx_ir as ir

    return ir.load(plain_of(family))


@pytest.fixture
def untouched(plain_of, family):
    """The same graph, which a test leaves as it is."""
    import onnx_ir as ir

    return ir.load(plain_of(family))


@pytest.fixture
def checkpoint_copy(checkpoint_of, tmp_path):
    """A BERT checkpoint that a test may spoil."""
    return shutil.copytree(checkpoint_of("wordpiece"), tmp_path / "checkpoint")


@pytest.fixture
def proteins():
    """A tokenizer that knows amino acids and no English word."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocab = {token: index for index, token in enumerate(["<cls>", "<pad>", "<eos>", "<unk>", "<mask>", *"ACDEFGHIK"])}
    bare = Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
    bare.pre_tokenizer = pre_tokenizers.Whitespace()
    bare.post_processor = processors.TemplateProcessing(
        single="<cls> $A <eos>", special_tokens=[("<cls>", 0), ("<eos>", 2)]
    )
    special = {f"{name}_token": f"<{name}>" for name in ("cls", "pad", "eos", "unk", "mask")}
    return PreTrainedTokenizerFast(tokenizer_object=bare, **special)
