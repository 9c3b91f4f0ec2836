import itertools
import pickle
from dataclasses import asdict

import numpy as np
import pytest

from fillmask import FillMask, NoMaskError, Results, TextError, TooLongError
from tests.support import toys
from tests.support.toys import VOCAB_SIZE

TEXTS = ["[MASK]", "the [MASK] sat on the mat.", "[MASK] is [MASK]!", "cat[MASK]ing", "a [MASK] [MASK] [MASK]"]


def assert_is_brute_force(fill_mask, text, weights, top_k):
    ids = toys.word_piece().encode(text).ids
    masks = [position for position, token in enumerate(ids) if token == 4]
    masks_predicted = fill_mask.predict(text, top_k=top_k)
    assert len(masks_predicted) == len(masks)
    for predictions, position in zip(masks_predicted, masks, strict=True):
        order, scores = toys.brute_force(weights, ids, position)
        assert [prediction.token for prediction in predictions] == order[:top_k]
        np.testing.assert_allclose([prediction.score for prediction in predictions], scores[:top_k], rtol=1e-5)


# Predictions


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("top_k", [0, 1, 5, VOCAB_SIZE])
def test_the_predictions_are_those_of_brute_force(fill_mask, text, top_k):
    assert_is_brute_force(fill_mask, text, toys.tables(0), top_k)


def test_each_variant_predicts_with_its_own_graph(native_folder):
    for variant, seed in (("fp32", 0), ("int8", 1), ("auto", 1)):
        assert_is_brute_force(FillMask(native_folder, variant=variant, threads=1), TEXTS[1], toys.tables(seed), 5)


def test_both_layouts_give_the_same_bytes(native, foreign):
    for text in TEXTS:
        assert pickle.dumps(native.predict(text)) == pickle.dumps(foreign.predict(text))


def test_a_hundred_repeats_give_the_same_bytes(fill_mask):
    assert len({pickle.dumps(fill_mask.predict(TEXTS[4])) for _ in range(100)}) == 1


def test_targets_keep_the_scores_they_have_among_all_tokens(fill_mask):
    everything = {prediction.token_str: prediction for prediction in fill_mask.predict(TEXTS[1], top_k=VOCAB_SIZE)[0]}
    (chosen,) = fill_mask.predict(TEXTS[1], targets=["mat", "cat", "dog", "cat"])
    assert chosen == sorted((everything[word] for word in ("mat", "cat", "dog")), key=lambda each: -each.score)


def test_windows_predict_every_mask_of_a_long_text_as_its_neighbors_determine(fill_mask):
    words = ["cat"] * 5000
    for position in (0, 2500, 2505, 4999):
        words[position] = "[MASK]"
    masks = fill_mask.predict(" ".join(words), truncation="window", top_k=1)
    alone = [fill_mask.predict(text, top_k=1)[0][0].token for text in ("[MASK] cat", "cat [MASK] cat", "cat [MASK]")]
    assert [predictions[0].token for predictions in masks] == [alone[0], alone[1], alone[1], alone[2]]
    assert all("[CLS]" in predictions[0].sequence for predictions in masks)


def test_special_tokens_and_the_other_masks_stay_in_the_sequences_of_several_masks(fill_mask):
    (first,), (second,) = fill_mask.predict("[MASK] is [MASK]", top_k=1)
    assert first.sequence == f"[CLS] {first.token_str} is [MASK] [SEP]".replace(" ##", "")
    assert second.sequence == f"[CLS] [MASK] is {second.token_str} [SEP]".replace(" ##", "")


def test_a_lone_mask_in_a_long_text_leaves_its_special_tokens_out(fill_mask):
    ((prediction,),) = fill_mask.predict("cat " * 99 + "[MASK]", truncation="window", top_k=1)
    assert "[CLS]" not in prediction.sequence


# Shapes


def test_a_call_with_a_text_with_one_mask_gives_a_list_of_dicts(fill_mask):
    assert fill_mask("[MASK]", top_k=2) == [
        asdict(prediction) for prediction in fill_mask.predict("[MASK]", top_k=2)[0]
    ]


def test_a_call_with_a_text_with_several_masks_gives_a_list_for_each(fill_mask):
    assert [len(mask) for mask in fill_mask("[MASK] [MASK]", 3)] == [3, 3]


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_list_gives_what_its_texts_give_and_a_list_of_one_what_the_text_gives(fill_mask, kind):
    assert fill_mask(kind(TEXTS)) == [fill_mask(text) for text in TEXTS]
    assert fill_mask(kind(["[MASK]"])) == fill_mask("[MASK]")
    assert fill_mask(kind([])) == []


def test_another_iterable_is_read_lazily(fill_mask):
    read = []
    outcomes = fill_mask(read.append(text) or text for text in itertools.cycle(["[MASK]"]))
    assert read == []
    assert (next(outcomes), len(read)) == (fill_mask("[MASK]"), 1)


def test_one_bad_text_fails_a_call_with_a_list(fill_mask):
    with pytest.raises(NoMaskError):
        fill_mask(["[MASK]", "no mask"])


def test_many_texts_are_read_one_at_a_time_and_predicted_in_order(fill_mask):
    read = []
    outcomes = fill_mask.predict_many(read.append(text) or text for text in TEXTS)
    for count, masks in enumerate(outcomes, 1):
        assert read == TEXTS[:count]
        assert masks == fill_mask.predict(TEXTS[count - 1])
    assert read == TEXTS


def test_a_bad_text_among_many_is_reported_and_its_neighbors_are_predicted(fill_mask):
    texts = ["[MASK]", "no mask", "[MASK]\0", None, "[MASK]" * 50, "[MASK]"]
    outcomes = list(fill_mask.predict_many(texts, top_k=1))
    assert [type(outcome) for outcome in outcomes] == [
        Results,
        NoMaskError,
        TextError,
        TextError,
        TooLongError,
        Results,
    ]
    assert outcomes[0] == outcomes[5] == fill_mask.predict("[MASK]", top_k=1)


def test_an_error_of_the_iterable_itself_reaches_the_caller(fill_mask):
    def failing():
        yield "[MASK]"
        raise ConnectionError("the source is gone")

    outcomes = fill_mask.predict_many(failing())
    next(outcomes)
    with pytest.raises(ConnectionError, match="the source is gone"):
        next(outcomes)
