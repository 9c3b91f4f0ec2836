"""Pseudo-log-likelihoods of a variant beside fp32, with figures made by hand."""

import math

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

from fillmask_export import ExportError, Plan
from fillmask_export.verify.eval_data import load_eval_data
from fillmask_export.verify.likelihoods import Baseline, Scorer, compare, measure_fp32
from fillmask_export.verify.sentences import LONGEST, make_sentences

TEXT = "the light of the table and the water of the house"


@pytest.fixture(scope="module")
def folder(checkpoint_of):
    return checkpoint_of("wordpiece")


@pytest.fixture(scope="module")
def tokenizer(folder):
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def graph(folder, tmp_path_factory):
    from fillmask_export import export

    out = tmp_path_factory.mktemp("fp32") / "out"
    export(folder, out, ("fp32",), plan=Plan(masks=60, rounds=0))
    return out / "model.onnx"


def by_hand(folder, tokenizer, ids):
    """log p of each token in PyTorch, masked alone, as distributions ``float64[n, V]``."""
    model = AutoModelForMaskedLM.from_pretrained(folder).eval()
    rows = []
    for place in range(1, len(ids) - 1):
        masked = torch.tensor(ids)[None].clone()
        masked[0, place] = tokenizer.mask_token_id
        with torch.inference_mode():
            rows.append(torch.log_softmax(model(input_ids=masked).logits[0, place].double(), -1).numpy())
    return np.stack(rows)


def test_each_token_is_masked_alone(folder, tokenizer, graph):
    ids = np.array(tokenizer(TEXT)["input_ids"])
    scorer, expected = Scorer(graph, tokenizer), by_hand(folder, tokenizer, ids)
    np.testing.assert_allclose(scorer.log_probs(ids), expected[range(len(expected)), ids[1:-1]], atol=1e-4)


def test_a_made_pair_has_the_likeliest_other_token_at_one_place(folder, tokenizer, graph, tmp_path):
    (tmp_path / "texts.txt").write_text(f"{TEXT}\nthe house of the water\n")
    eval_data = load_eval_data(tokenizer, Plan(masks=60, texts=tmp_path / "texts.txt"), 64)
    baseline = measure_fp32(graph, tokenizer, eval_data)
    assert len(baseline.pairs) == len(baseline.texts) == 2
    for index, (text, other) in enumerate(baseline.pairs):
        (place,) = np.flatnonzero(text != other)
        expected = by_hand(folder, tokenizer, text)[place - 1]
        expected[[*tokenizer.all_special_ids, text[place]]] = -np.inf
        assert other[place] == expected.argmax()
        assert baseline.of_pairs[index, 0] == pytest.approx(baseline.of_texts[index].sum(), abs=1e-9)


def test_figures_are_means_ranks_and_signs():
    texts = [np.array([-1.0, -2.0]), np.array([-4.0]), np.array([-0.5, -0.5]), np.array([-9.0])]
    moved = [np.array([-1.5, -2.0]), np.array([-2.0]), np.array([-0.5, -0.5]), np.array([-9.0])]
    pairs, moved_pairs = np.array([[-1, -2], [-2, -1], [-3, -4.0]]), np.array([[-1, -2], [-1, -2], [-5, -4.0]])
    found = compare(Baseline([], [], texts, pairs), moved, moved_pairs)
    assert (found.texts, found.tokens, found.pairs) == (4, 6, 3)
    assert found.mean_log_prob_difference == pytest.approx(2.5 / 6)
    # Ranks 3 2 4 1 beside 2 3 4 1: 1 − 6·2 / (4·15).
    assert found.rank_correlation == pytest.approx(0.8)
    assert (found.pairs_decided_alike, found.pairs_decided_rightly) == pytest.approx((1 / 3, 2 / 3))
    assert found.fp32_decided_rightly == pytest.approx(2 / 3)


def test_equal_sums_share_a_rank_and_sums_without_order_have_no_correlation():
    pairs = np.array([[-1.0, -2.0]])
    texts = [np.array([value]) for value in (-1.0, -2.0, -2.0, -3.0)]
    tied = compare(Baseline([], [], texts, pairs), texts, pairs)
    assert tied.rank_correlation == pytest.approx(1)
    other = [np.array([value]) for value in (-1.0, -2.0, -3.0, -4.0)]
    # Ranks 4 2.5 2.5 1 beside 4 3 2 1.
    assert compare(Baseline([], [], texts, pairs), other, pairs).rank_correlation == pytest.approx(
        4.5 / math.sqrt(22.5)
    )
    assert compare(Baseline([], [], texts[1:3], pairs), other[:2], pairs).rank_correlation is None


# Texts and pairs


def test_texts_are_drawn_and_cut_and_fewer_masks_take_fewer(tokenizer, tmp_path):
    (tmp_path / "texts.txt").write_text("\n".join(f"{TEXT} {TEXT} {TEXT} {'the ' * index}" for index in range(80)))
    for masks, count in ((2000, 64), (300, 10), (1, 2)):
        made = make_sentences(tokenizer, Plan(masks=masks, texts=tmp_path / "texts.txt"), 512)
        assert len(made.texts) == len(made.places) == count
        assert {text.size for text in made.texts} == {LONGEST}
        special = tokenizer.all_special_ids
        assert not any(text[place] in special for text, place in zip(made.texts, made.places, strict=True))
    assert make_sentences(tokenizer, Plan(masks=300), 20).texts[0].size <= 20


def test_pairs_of_a_file_are_two_texts_with_a_tab_between_them(tokenizer, tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("the light\tthe water of\n the house \t the table\n")
    made = make_sentences(tokenizer, Plan(pairs=path), 64)
    assert [tokenizer.decode(good, skip_special_tokens=True) for good, _ in made.pairs] == ["the light", "the house"]
    assert made.pairs_origin == "the lines of pairs.tsv"
    path.write_text("the light\tthe water\nthe house\n")
    with pytest.raises(ExportError, match="text 2 is no minimal pair; a line has two texts with a tab between them"):
        make_sentences(tokenizer, Plan(pairs=path), 64)
