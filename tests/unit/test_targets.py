from dataclasses import replace

import pytest

from fillmask.errors import TargetsError, TargetWarning
from fillmask.targets import target_ids


def resolve(tokenization, targets):
    """The tokens that are scored, and what is said of those that were replaced."""
    ids, messages = target_ids(tokenization, targets)
    return [tokenization.tokenizer.id_to_token(token) for token in ids], messages


def test_a_token_of_the_vocabulary_is_itself(tokenization):
    assert resolve(tokenization, ["cat", "##ing", "[MASK]"]) == (["[MASK]", "cat", "##ing"], [])


def test_one_target_needs_no_list(tokenization):
    assert resolve(tokenization, "cat") == resolve(tokenization, ("cat",)) == (["cat"], [])


def test_ids_ascend_and_come_once(tokenization):
    ids, _ = target_ids(tokenization, ["dog", "cat", "dog", "a", "cat"])
    assert ids.tolist() == sorted(set(ids.tolist()))
    assert ids.size == 3


def test_a_word_outside_the_vocabulary_is_replaced_by_its_first_piece_and_said_so(tokenization):
    message = "The specified target token `Paris` does not exist in the model vocabulary. Replacing with `paris`."
    assert resolve(tokenization, ["Paris"]) == (["paris"], [message])


def test_a_character_outside_the_vocabulary_is_scored_as_unknown(tokenization):
    message = "The specified target token `日` does not exist in the model vocabulary. Replacing with `[UNK]`."
    assert resolve(tokenization, ["日"]) == (["[UNK]"], [message])


def test_a_target_without_pieces_is_ignored_beside_one_that_has_some(tokenization):
    message = (
        "The specified target token `  ` does not exist in the model vocabulary. "
        "We cannot replace it with anything meaningful, ignoring it"
    )
    assert resolve(tokenization, ["  ", "cat"]) == (["cat"], [message])


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
def test_targets_that_name_no_token_have_no_ids(tokenization, targets):
    ids, messages = target_ids(tokenization, targets)
    assert (ids.size, len(messages)) == (0, len([targets] if isinstance(targets, str) else targets))


def test_where_texts_are_cut_on_the_left_a_target_is_replaced_by_its_last_piece(tokenization):
    kept, messages = resolve(replace(tokenization, truncation_side="left"), ["cating"])
    assert kept == ["##ing"]
    assert messages[0].endswith("Replacing with `##ing`.")
    assert resolve(tokenization, ["cating"])[0] == ["cat"]


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        (3, "targets must be a string or a list of strings, got int"),
        (True, "targets must be a string or a list of strings, got bool"),
        ({"cat"}, "targets must be a string or a list of strings, got set"),
        ({"cat": 1}, "targets must be a string or a list of strings, got dict"),
        (iter(["cat"]), "targets must be a string or a list of strings, got list_iterator"),
        ([1], r"targets\[0\]: a text must be a string, got int"),
        (["cat", None], r"targets\[1\]: a text must be a string, got NoneType"),
        ([["cat"]], r"targets\[0\]: a text must be a string, got list"),
        ("c\0at", r"targets\[0\]: the text holds NUL \(U\+0000\) at character 1"),
        (["cat", "\ud800"], r"targets\[1\]: the text holds the lone surrogate U\+D800"),
    ],
)
def test_targets_of_another_kind_are_refused_with_their_place(fill_mask, targets, said):
    with pytest.raises(TargetsError, match=said) as raised:
        fill_mask.predict("[MASK]", targets=targets)
    assert isinstance(raised.value, ValueError)


def test_a_replaced_target_warns_at_the_line_of_the_caller(fill_mask):
    for ask in (fill_mask, fill_mask.predict, fill_mask.predict_many):
        texts = ["[MASK]"] if ask == fill_mask.predict_many else "[MASK]"
        with pytest.warns(TargetWarning, match="`Paris` does not exist") as caught:
            ask(texts, targets="Paris")
        assert [warning.filename for warning in caught] == [__file__]


def test_a_replaced_target_warns_at_the_line_that_asks_ahead(fill_mask):
    with pytest.warns(TargetWarning, match="`Paris` does not exist") as caught:
        fill_mask.ask(None, "Paris", None)
    assert [warning.filename for warning in caught] == [__file__]
