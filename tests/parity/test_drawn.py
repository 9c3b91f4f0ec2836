"""Tokenizers and files drawn at random: fillmask makes of a folder what transformers makes of it."""

from __future__ import annotations

import shutil
import warnings
from contextlib import nullcontext
from functools import cache

import pytest

from fillmask import ArtifactError, FillMask, NoMaskError
from tests.support import drawn
from tests.support.agreement import assert_same_answers

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
# 5.24 makes the tokenizers of most classes anew from their vocabulary; 4.57 reads two settings of the generic class
# otherwise: docs/model-folders.md.
IS_5 = transformers.__version__ >= "5"
# As many rows as the tokenizers of test_drawn_exports.py need: both files share the traces of their models.
SIZES = {"vocab_size": 600, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4,
         "intermediate_size": 64, "initializer_range": 0.4, "pad_token_id": 0}  # fmt: skip
# Beside 5.24 one draw of twelve is compared.
FAST, SLOW = (range(300), range(300, 1060)) if IS_5 else (range(60), range(60, 1060))


@pytest.fixture(scope="session")
def models(tmp_path_factory, torch_tracer):
    """Gives a model of an architecture, and the folder of its graph as optimum exports it."""

    @cache
    def make(architecture):
        torch.manual_seed(0)
        kind = {"bert": "Bert", "roberta": "Roberta"}[architecture]
        config = getattr(transformers, f"{kind}Config")(**SIZES, max_position_embeddings=66, type_vocab_size=2)
        model = getattr(transformers, f"{kind}ForMaskedLM")(config).eval()
        folder = tmp_path_factory.mktemp(architecture)
        model.save_pretrained(folder / "checkpoint")
        lay_out = pytest.importorskip("tests.support.layouts").lay_out
        return model, lay_out("foreign", folder / "checkpoint", folder / "onnx")

    return make


def compare(models, seed, folder):
    """Compare what both make of a draw; gives whether transformers opens it at all."""
    made = drawn.draw(seed)
    if not made.is_generic if IS_5 else made.is_read_otherwise_by_4:
        return False
    model, onnx = models(made.architecture)
    shutil.copytree(onnx, folder, copy_function=shutil.copy)
    drawn.write(made, folder)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    except (AttributeError, KeyError, OSError, TypeError, ValueError):
        return False
    if tokenizer.mask_token is None or len(tokenizer) > drawn.ROWS:
        return False
    if tokenizer.mask_token_id not in tokenizer(tokenizer.mask_token)["input_ids"]:
        with pytest.raises(ArtifactError, match="the tokenizer does not work"):
            FillMask(folder, threads=1)
        return True
    reference = transformers.pipeline("fill-mask", model=model, tokenizer=tokenizer, device="cpu")
    engine = FillMask(folder, threads=1, placeholders=False)
    for text in made.texts:
        assert_same(seed, text, outcome(engine, text), outcome(reference, text))
    return True


def outcome(fill_mask, text):
    """The predictions; None for a text without a mask."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return fill_mask(text)
    except (NoMaskError, transformers.pipelines.PipelineException):
        return None


def assert_same(seed, text, ours, theirs):
    try:
        assert_same_answers(ours, theirs, cut=True)
    except AssertionError as error:
        raise AssertionError(f"draw {seed}, {text!a}: {error}") from error


def rows(*scores):
    return [{"score": score, "token": token, "token_str": f"t{token}", "sequence": ""} for token, score in scores]


@pytest.mark.parametrize(
    ("ours", "same"),
    [
        ([(1, 0.5), (2, 0.300001), (3, 0.3), (4, 0.1)], True),
        ([(1, 0.5), (3, 0.300001), (2, 0.3), (4, 0.1)], True),  # ranks 2 and 3 nearly tie
        ([(1, 0.5), (2, 0.300001), (3, 0.3), (9, 0.1)], True),  # 9 nearly ties with 4, beyond the list
        ([(1, 0.5), (2, 0.300001), (9, 0.3), (4, 0.1)], False),
        ([(1, 0.5), (9, 0.300001), (3, 0.3), (4, 0.1)], False),
        ([(9, 0.5), (2, 0.300001), (3, 0.3), (4, 0.1)], False),
        ([(2, 0.5), (1, 0.300001), (3, 0.3), (4, 0.1)], False),
        ([(1, 0.5), (2, 0.3001), (3, 0.3), (4, 0.1)], False),
    ],
)
def test_only_tokens_that_nearly_tie_change_places_and_only_with_the_last_others(ours, same):
    theirs = rows((1, 0.5), (2, 0.300001), (3, 0.3), (4, 0.1))
    with nullcontext() if same else pytest.raises(AssertionError, match=r"draw 7, '\[MASK\]': "):
        assert_same(7, "[MASK]", [rows(*ours)], [theirs])


def test_lists_that_are_whole_hold_the_same_tokens():
    whole, other = rows((1, 0.5), (2, 0.1)), rows((1, 0.5), (9, 0.1))
    assert_same_answers(whole, other, cut=True)
    with pytest.raises(AssertionError):
        assert_same_answers(whole, other)


@pytest.mark.parametrize("part", range(4))
def test_a_drawn_folder_is_read_as_transformers_reads_it(models, tmp_path, part):
    seeds = FAST[part::4]
    opened = [compare(models, seed, tmp_path / str(seed)) for seed in seeds]
    assert sum(opened) > (2 if IS_5 else len(seeds) // 2)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(5))
def test_a_thousand_drawn_folders_are_read_as_transformers_reads_them(models, tmp_path, part):
    seeds, compared = SLOW[part::5], 0
    for seed in seeds:
        compared += compare(models, seed, tmp_path / str(seed))
        shutil.rmtree(tmp_path / str(seed), ignore_errors=True)  # a draw that is left out has none
    assert compared > len(seeds) * (0.05 if IS_5 else 0.8)
