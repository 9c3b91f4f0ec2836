import numpy as np
import pytest

from fillmask import FillMask, InputError, TargetsError, TopKError
from fillmask.parameters import DEFAULT_TOP_K, ask
from tests.support import toys
from tests.support.toys import VOCAB_SIZE


def every_way(fill_mask, **arguments):
    """The three ways of asking; each checks its arguments before it reads a text."""
    yield lambda: fill_mask("[MASK]", **arguments)
    yield lambda: fill_mask.predict("[MASK]", **arguments)
    yield lambda: fill_mask.predict_many(["[MASK]"], **arguments)


@pytest.mark.parametrize(
    ("top_k", "answered"), [(None, DEFAULT_TOP_K), (0, 0), (1, 1), (np.int64(3), 3), (VOCAB_SIZE, VOCAB_SIZE)]
)
def test_top_k_says_how_many(fill_mask, top_k, answered):
    assert len(fill_mask.predict("[MASK]", top_k=top_k)[0]) == answered


@pytest.mark.parametrize(("top_k", "answered"), [(None, 3), (0, 0), (2, 2), (3, 3), (10, 3), (10**9, 3)])
def test_with_targets_top_k_is_capped_to_their_number(fill_mask, top_k, answered):
    (predictions,) = fill_mask.predict("[MASK]", targets=["mat", "cat", "dog"], top_k=top_k)
    assert len(predictions) == answered


def test_more_targets_than_the_default_top_k_are_cut_to_it(fill_mask):
    assert len(fill_mask.predict("[MASK]", targets=toys.WORDS)[0]) == DEFAULT_TOP_K


def test_without_a_choice_a_tiny_vocabulary_is_given_whole():
    assert ask(3, top_k=None, target_ids=None, truncation=None).top_k == 3


@pytest.mark.parametrize("top_k", [-1, VOCAB_SIZE + 1, True, False, 2.0, "3", [1], np.float32(1), float("nan")])
def test_a_top_k_that_cannot_be_is_refused_with_what_is_allowed(fill_mask, top_k):
    for question in every_way(fill_mask, top_k=top_k):
        with pytest.raises(TopKError) as raised:
            question()
        assert f"from 0 to {VOCAB_SIZE}, the size of the vocabulary, got {top_k!r}" in str(raised.value)
        assert isinstance(raised.value, ValueError)


@pytest.mark.parametrize("top_k", [-1, True, 2.0, "3"])
def test_a_wrong_top_k_is_refused_beside_targets_too(fill_mask, top_k):
    for question in every_way(fill_mask, top_k=top_k, targets=["cat"]):
        with pytest.raises(TopKError, match="top_k must be a whole number at least 0, got"):
            question()


@pytest.mark.parametrize("truncation", ["left", True, "", 0])
def test_a_wrong_truncation_is_refused_before_a_text_is_read(fill_mask, truncation):
    for question in every_way(fill_mask, truncation=truncation):
        with pytest.raises(InputError, match="truncation must be None, 'right' or 'window', got"):
            question()


def test_a_target_that_the_model_does_not_score_is_refused(tmp_path):
    graph = toys.foreign_graph(toys.tables()[:, :, : VOCAB_SIZE - 2])
    folder = toys.write_foreign(tmp_path / "model", {"model.onnx": graph})
    for question in every_way(FillMask(folder, threads=1), targets="##ing"):
        with pytest.raises(TargetsError, match=f"token {VOCAB_SIZE - 1}, .*the model scores only {VOCAB_SIZE - 2} "):
            question()


@pytest.mark.filterwarnings("ignore::fillmask.TargetWarning")
@pytest.mark.parametrize("targets", [[], (), "", [""], [" ", "\t"]])
def test_targets_that_name_no_token_are_refused_in_transformers_words(fill_mask, targets):
    for question in every_way(fill_mask, targets=targets):
        with pytest.raises(TargetsError, match=r"^At least one target must be provided when passed\.$"):
            question()


def test_a_question_selects_among_all_tokens_or_among_its_targets():
    logits = np.arange(VOCAB_SIZE, dtype=np.float32)
    everything = ask(VOCAB_SIZE, top_k=2, target_ids=None, truncation=None)
    assert everything.select(logits).tolist() == [VOCAB_SIZE - 1, VOCAB_SIZE - 2]
    few = ask(VOCAB_SIZE, top_k=9, target_ids=np.array([3, 5, 20]), truncation="window")
    assert few.select(logits).tolist() == [20, 5, 3]
    assert (few.top_k, few.truncation) == (3, "window")
