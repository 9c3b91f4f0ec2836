import pytest

from fillmask.cli.masks import is_text, like_a_mask


@pytest.mark.parametrize("mask", ["[MASK]", "<mask>", "{mask}", "[mask]", "<MASK>", "{Mask}", "[ mask ]", "___", "__"])
def test_what_resembles_a_mask_is_found(mask):
    assert like_a_mask(f"Paris is the {mask} of France.") == mask
    assert is_text(mask)


@pytest.mark.parametrize("text", ["", "predict", "predcit", "a_b", "mask", "[mas]"])
def test_a_word_is_no_text_and_holds_no_mask(text):
    assert like_a_mask(text) is None
    assert not is_text(text)


def test_words_are_a_text():
    assert is_text("Paris is")
