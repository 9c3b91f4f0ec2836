import numpy as np
import pytest

from fillmask import FillMask, InputError, TargetsError, TopKError
from fillmask.errors import TargetWarning
from fillmask.notices import Notice
from fillmask.parameters import DEFAULT_TOP_K, check_target_ids, check_top_k, resolve_targets
from tests.support import toys
from tests.support.toys import VOCAB_SIZE


def every_way(fill_mask, **arguments):
    """The three calls that predict; each checks its arguments before it reads a text."""
    yield lambda: fill_mask("[MASK]", **arguments)
    yield lambda: fill_mask.predict("[MASK]", **arguments)
    yield lambda: fill_mask.predict_many(["[MASK]"], **arguments)


# top_k


@pytest.mark.parametrize(
    ("top_k", "count"), [(None, DEFAULT_TOP_K), (0, 0), (1, 1), (np.int64(3), 3), (VOCAB_SIZE, VOCAB_SIZE)]
)
def test_top_k_is_the_number_of_predictions(fill_mask, top_k, count):
    assert len(fill_mask.predict("[MASK]", top_k=top_k)[0]) == count


@pytest.mark.parametrize(("top_k", "count"), [(None, 3), (0, 0), (2, 2), (3, 3), (10, 3), (10**9, 3)])
def test_with_targets_top_k_is_capped_to_their_number(fill_mask, top_k, count):
    (predictions,) = fill_mask.predict("[MASK]", targets=["mat", "cat", "dog"], top_k=top_k)
    assert len(predictions) == count


def test_more_targets_than_the_default_top_k_are_cut_to_it(fill_mask):
    assert len(fill_mask.predict("[MASK]", targets=toys.WORDS)[0]) == DEFAULT_TOP_K


@pytest.mark.parametrize(
    ("top_k", "limit", "checked"),
    [(None, 3, 3), (None, 100, DEFAULT_TOP_K), (None, None, DEFAULT_TOP_K), (7, None, 7), (7, 7, 7), (0, 0, 0)],
)
def test_without_a_choice_a_tiny_vocabulary_is_given_whole(top_k, limit, checked):
    assert check_top_k(top_k, limit) == checked


def test_a_number_of_numpy_becomes_an_int():
    assert type(check_top_k(np.int64(3), 10)) is int


@pytest.mark.parametrize("top_k", [-1, VOCAB_SIZE + 1, True, False, 2.0, "3", [1], np.float32(1), float("nan")])
def test_a_top_k_that_cannot_be_is_refused_with_what_is_allowed(fill_mask, top_k):
    for call in every_way(fill_mask, top_k=top_k):
        with pytest.raises(TopKError) as raised:
            call()
        assert f"from 0 to {VOCAB_SIZE}, the size of the vocabulary, got {top_k!r}" in str(raised.value)
        assert isinstance(raised.value, ValueError)


@pytest.mark.parametrize("top_k", [-1, True, 2.0, "3"])
def test_a_wrong_top_k_is_refused_beside_targets_too(fill_mask, top_k):
    for call in every_way(fill_mask, top_k=top_k, targets=["cat"]):
        with pytest.raises(TopKError, match="top_k must be a whole number at least 0, got"):
            call()


# truncation


@pytest.mark.parametrize("truncation", ["left", True, "", 0])
@pytest.mark.parametrize("targets", [None, ["cat"]])
def test_a_wrong_truncation_is_refused_before_a_text_is_read(fill_mask, truncation, targets):
    for call in every_way(fill_mask, truncation=truncation, targets=targets):
        with pytest.raises(InputError, match="truncation must be None, 'right' or 'window', got"):
            call()


# targets


def resolve(tokenizer, targets):
    """The tokens that are scored, and the messages about those that were replaced."""
    resolved = resolve_targets(tokenizer, targets)
    assert {notice.category for notice in resolved.notices} <= {TargetWarning}
    tokens = [tokenizer.tokenizer.id_to_token(token) for token in resolved.value.tolist()]
    return tokens, [notice.message for notice in resolved.notices]


def test_a_token_of_the_vocabulary_is_itself(tokenizer):
    assert resolve(tokenizer, ["cat", "##ing", "[MASK]"]) == (["[MASK]", "cat", "##ing"], [])


def test_one_target_needs_no_list(tokenizer):
    assert resolve(tokenizer, "cat") == resolve(tokenizer, ("cat",)) == (["cat"], [])


def test_ids_ascend_and_come_once(tokenizer):
    ids = resolve_targets(tokenizer, ["dog", "cat", "dog", "a", "cat"]).value
    assert ids.dtype == np.int64
    assert ids.tolist() == sorted(set(ids.tolist()))
    assert ids.size == 3


def test_a_word_outside_the_vocabulary_is_replaced_by_its_first_piece_with_a_notice(tokenizer):
    message = "The specified target token `Paris` does not exist in the model vocabulary. Replacing with `paris`."
    assert resolve(tokenizer, ["Paris"]) == (["paris"], [message])
    assert resolve_targets(tokenizer, ["Paris"]).notices == (Notice(TargetWarning, message),)


def test_a_character_outside_the_vocabulary_is_scored_as_unknown(tokenizer):
    message = "The specified target token `日` does not exist in the model vocabulary. Replacing with `[UNK]`."
    assert resolve(tokenizer, ["日"]) == (["[UNK]"], [message])


def test_a_target_without_pieces_is_ignored_beside_one_that_has_some(tokenizer):
    message = (
        "The specified target token `  ` does not exist in the model vocabulary. "
        "We cannot replace it with anything meaningful, ignoring it"
    )
    assert resolve(tokenizer, ["  ", "cat"]) == (["cat"], [message])


def test_at_a_word_boundary_of_byte_level_bpe_the_space_counts(byte_level):
    assert resolve(byte_level, ["cat"]) == (["cat"], [])
    assert resolve(byte_level, ["Ġcat"]) == (["Ġcat"], [])
    assert resolve(byte_level, [" cat"])[0] == ["Ġcat"]


def test_a_byte_level_word_that_exists_only_with_its_space_is_replaced_by_a_letter(byte_level):
    kept, messages = resolve(byte_level, ["dog"])
    assert kept == ["d"]
    assert messages == ["The specified target token `dog` does not exist in the model vocabulary. Replacing with `d`."]
    assert resolve(byte_level, [" dog"])[0] == ["Ġdog"]


@pytest.mark.parametrize("targets", [[], (), "", [""], [" ", "\t"]])
def test_targets_that_name_no_token_have_no_ids(tokenizer, targets):
    resolved = resolve_targets(tokenizer, targets)
    count = len([targets] if isinstance(targets, str) else targets)
    assert (resolved.value.size, resolved.value.dtype, len(resolved.notices)) == (0, np.int64, count)


def test_where_texts_are_cut_on_the_left_a_target_is_replaced_by_its_last_piece(tokenizer):
    kept, messages = resolve(tokenizer._replace(truncation_side="left"), ["cating"])
    assert kept == ["##ing"]
    assert messages[0].endswith("Replacing with `##ing`.")
    assert resolve(tokenizer, ["cating"])[0] == ["cat"]


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (3, "targets must be a string or a list of strings, got int"),
        (True, "targets must be a string or a list of strings, got bool"),
        ({"cat"}, "targets must be a string or a list of strings, got set"),
        ({"cat": 1}, "targets must be a string or a list of strings, got dict"),
        (iter(["cat"]), "targets must be a string or a list of strings, got list_iterator"),
        ([1], r"targets\[0\]: a text must be a string, got int"),
        (["cat", None], r"targets\[1\]: a text must be a string, got NoneType"),
        ("c\0at", r"targets\[0\]: the text holds NUL \(U\+0000\) at character 1"),
        (["cat", "\ud800"], r"targets\[1\]: the text holds the lone surrogate U\+D800"),
    ],
)
def test_targets_of_another_kind_are_refused_with_their_place(fill_mask, targets, message):
    for call in every_way(fill_mask, targets=targets):
        with pytest.raises(TargetsError, match=message) as raised:
            call()
        assert isinstance(raised.value, ValueError)


def test_the_call_takes_no_list_for_each_mask_as_transformers_does(fill_mask):
    with pytest.raises(TargetsError, match="a list of strings here; predict takes a list for each mask"):
        fill_mask("a [MASK]", targets=[["cat"]])


def test_a_target_that_the_model_does_not_score_is_refused(tmp_path):
    graph = toys.foreign_graph(toys.tables()[:, :, : VOCAB_SIZE - 2])
    folder = toys.write_foreign(tmp_path / "model", {"model.onnx": graph})
    for call in every_way(FillMask(folder, threads=1), targets="##ing"):
        with pytest.raises(TargetsError, match=f"token {VOCAB_SIZE - 1}, .*the model scores only {VOCAB_SIZE - 2} "):
            call()


@pytest.mark.filterwarnings("ignore::fillmask.TargetWarning")
@pytest.mark.parametrize("targets", [[], (), "", [""], [" ", "\t"]])
def test_targets_that_name_no_token_are_refused_in_transformers_words(fill_mask, targets):
    for call in every_way(fill_mask, targets=targets):
        with pytest.raises(TargetsError, match=r"^At least one target must be provided when passed\.$"):
            call()


def test_ids_of_targets_are_checked_against_the_tokens_that_the_model_scores():
    check_target_ids(np.array([0, 9]), 10)
    with pytest.raises(TargetsError, match="a target is token 9, the model scores only 9 tokens"):
        check_target_ids(np.array([0, 9]), 9)
    with pytest.raises(TargetsError, match=r"^At least one target must be provided when passed\.$"):
        check_target_ids(np.array([], dtype=np.int64), 9)
