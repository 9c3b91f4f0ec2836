"""Folders whose files name no special tokens, as the hub's oldest: transformers knows them from the class."""

import inspect
import json
import shutil

import pytest

from fillmask import FillMask
from fillmask.artifact import tokenizer_classes

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


@pytest.mark.skipif(transformers.__version__ >= "5", reason="its classes have other defaults")
@pytest.mark.parametrize("name", sorted(tokenizer_classes._CLASSES))
def test_the_table_of_tokenizer_classes_is_that_of_transformers(name):
    names = {each.lower(): each for each in dir(transformers)}
    found = getattr(transformers, names.get(f"{name}tokenizerfast") or names[f"{name}tokenizer"])
    ours, theirs = tokenizer_classes._CLASSES[name], inspect.signature(found.__init__).parameters
    declared = {key: theirs[key].default for key in theirs if key.endswith("_token") and theirs[key].default}
    added_by_5 = {"bos_token": "[CLS]", "eos_token": "[SEP]"} if name == "fnet" else {}
    assert ours.tokens == declared | added_by_5
    assert ours.token_types == ("token_type_ids" in found.model_input_names)
    additional = theirs.get("additional_special_tokens")
    assert list(ours.additional) == list((additional and additional.default) or [])
    assert ours.sets_normalizer == ("backend_tokenizer.normalizer =" in inspect.getsource(found))
