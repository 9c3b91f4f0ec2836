"""Folders whose files name no special tokens, as the hub's oldest: transformers knows them from the class."""

import json
import shutil

import pytest

from fillmask import FillMask

transformers = pytest.importorskip("transformers")

CLASSES = {"wordpiece": "BertTokenizer", "bytelevel": "RobertaTokenizer", "unigram": "XLMRobertaTokenizer"}


@pytest.fixture(params=CLASSES)
def bare(request, checkpoint_of, folder_of, tmp_path):
    """A checkpoint and an ONNX folder of it, with next to no settings beside the tokenizer."""
    settings = {"model_max_length": 64, "tokenizer_class": CLASSES[request.param]}
    folders = []
    for source, name in ((checkpoint_of(request.param), "checkpoint"), (folder_of(request.param, "foreign"), "onnx")):
        folders.append(shutil.copytree(source, tmp_path / name))
        (folders[-1] / "special_tokens_map.json").unlink(missing_ok=True)
        (folders[-1] / "tokenizer_config.json").write_text(json.dumps(settings))
    return folders


def test_the_tokens_of_the_class_stand_in_for_those_that_no_file_names(bare):
    checkpoint, onnx = bare
    reference = transformers.pipeline("fill-mask", model=str(checkpoint), device="cpu")
    engine = FillMask(onnx, threads=1)
    assert (engine.mask_token, engine.mask_token_id) == (
        reference.tokenizer.mask_token,
        reference.tokenizer.mask_token_id,
    )
    text = f"The {reference.tokenizer.mask_token} sleeps."
    for ours, theirs in zip(engine(text), reference(text), strict=True):
        assert ours == theirs | {"score": pytest.approx(theirs["score"], abs=1e-5)}
