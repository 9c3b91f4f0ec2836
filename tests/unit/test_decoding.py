import itertools

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders

from fillmask.decoding import Decoder
from fillmask.encoding import Encoder


def sequences(decoder, ids, position, tokens, *, single_mask=True):
    """The text with each of these tokens in place of a mask."""
    sequence = decoder.around(ids, position, single_mask=single_mask)
    return [sequence(token) for token in tokens]


def fill(tokenizer, text, token, *, single_mask=True, mask=0):
    """A token as text, and the text with it in place of one of the masks."""
    ids = Encoder(tokenizer).encode(text)
    position = np.flatnonzero(ids == tokenizer.mask_token_id)[mask]
    token_id = tokenizer.tokenizer.token_to_id(token)
    decoder = Decoder(tokenizer)
    (sequence,) = sequences(decoder, ids, position, [token_id], single_mask=single_mask)
    return decoder.token_str(token_id), sequence


def test_a_token_is_decoded_alone_and_in_its_text(tokenizer):
    assert fill(tokenizer, "the [MASK] sat", "cat") == ("cat", "the cat sat")


def test_a_word_piece_keeps_its_hashes_and_joins_the_word_before_it(tokenizer):
    assert fill(tokenizer, "cat[MASK]", "##ing") == ("##ing", "cating")


def test_a_byte_level_token_keeps_its_leading_space(byte_level):
    assert fill(byte_level, "a <mask>", "Ġcat") == (" cat", "a cat")


def test_the_special_tokens_leave_the_sequence_of_a_single_mask(tokenizer):
    assert fill(tokenizer, "the [MASK]", "cat", single_mask=True)[1] == "the cat"


def test_the_special_tokens_and_the_other_masks_stay_where_there_are_several(tokenizer):
    _, first = fill(tokenizer, "[MASK] and [MASK]", "cat", single_mask=False, mask=0)
    _, second = fill(tokenizer, "[MASK] and [MASK]", "dog", single_mask=False, mask=1)
    assert first.startswith("[CLS] cat")
    assert first.endswith("[MASK] [SEP]")
    assert second.startswith("[CLS] [MASK]")
    assert second.endswith("dog [SEP]")


def test_a_special_token_is_shown_alone_and_skipped_in_the_sequence(tokenizer):
    assert fill(tokenizer, "the [MASK]", "[SEP]") == ("[SEP]", "the")


def test_a_padding_token_is_dropped_as_transformers_drops_it(tokenizer):
    _, sequence = fill(tokenizer, "the [MASK] [MASK]", "[PAD]", single_mask=False)
    assert sequence == "[CLS] the [MASK] [SEP]"


def test_a_token_that_only_the_model_knows_has_no_text(tokenizer):
    decoder = Decoder(tokenizer)
    assert decoder.token_str(10_000) == ""
    assert sequences(decoder, Encoder(tokenizer).encode("the [MASK]"), 2, [10_000]) == ["the"]


def test_one_function_decodes_any_number_of_tokens_in_any_order(tokenizer):
    ids = Encoder(tokenizer).encode("the [MASK] sat")
    tokens = [tokenizer.tokenizer.token_to_id(word) for word in ("dog", "cat", "mat", "dog")]
    assert sequences(Decoder(tokenizer), ids, 2, tokens) == ["the dog sat", "the cat sat", "the mat sat", "the dog sat"]


def test_decoding_leaves_the_texts_tokens_as_they_were(tokenizer):
    ids = Encoder(tokenizer).encode("[MASK]")
    before = ids.copy()
    sequences(Decoder(tokenizer), ids, 1, [9])
    np.testing.assert_array_equal(ids, before)


@pytest.mark.parametrize(
    ("spaced", "clean"),
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"),
        (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ],
)  # fmt: skip
def test_clean_up_removes_the_space_before_each_of_its_ten_strings(byte_level, spaced, clean):
    text = f"<mask>x{spaced}y"
    _, written = fill(byte_level, text, "a")
    _, cleaned = fill(byte_level._replace(clean_up=True), text, "a")
    assert (written, cleaned) == (f"ax{spaced}y", f"ax{clean}y")


# A decoder keeps what it decoded before, and need not decode the whole text again for each token.

SENTENCES = [
    "[MASK]",
    "[MASK] sat.",
    "the [MASK]",
    "cat[MASK]ing, [PAD] a [MASK] ? [MASK]!",
    "[SEP] [MASK] [PAD]",
    "##[MASK]",
]


def from_the_whole_text(tokenizer, ids, position, token, *, single_mask):
    """token_str and sequence as transformers makes them: the token put in, padding taken out, all decoded at once."""
    filled = [*ids[:position].tolist(), token, *ids[position + 1 :].tolist()]
    kept = [each for each in filled if each != tokenizer.pad_token_id]
    return [
        clean(tokenizer, tokenizer.tokenizer.decode(tokens, skip_special_tokens=skip))
        for tokens, skip in (([token], False), (kept, single_mask))
    ]


def clean(tokenizer, text):
    for mark in [".", "?", "!", ","] if tokenizer.clean_up else []:
        text = text.replace(f" {mark}", mark)
    return text


def assert_every_token_is_decoded_with_the_whole_text(tokenizer, texts):
    decoder = Decoder(tokenizer)
    tokens = range(tokenizer.tokenizer.get_vocab_size() + 1)
    for text, single_mask in itertools.product(texts, (True, False, True)):
        ids = Encoder(tokenizer).encode(text)
        for position in np.flatnonzero(ids == tokenizer.mask_token_id).tolist():
            found = sequences(decoder, ids, position, tokens, single_mask=single_mask)
            for token, sequence in zip(tokens, found, strict=True):
                whole = from_the_whole_text(tokenizer, ids, position, token, single_mask=single_mask)
                assert [decoder.token_str(token), sequence] == whole


@pytest.mark.parametrize("clean_up", [True, False])
@pytest.mark.parametrize("pad_token_id", [None, 0, 9])
def test_each_word_piece_is_decoded_as_with_the_whole_text(tokenizer, clean_up, pad_token_id):
    changed = tokenizer._replace(clean_up=clean_up, pad_token_id=pad_token_id)
    assert_every_token_is_decoded_with_the_whole_text(changed, SENTENCES)


def test_each_byte_level_token_is_decoded_as_with_the_whole_text(byte_level):
    assert_every_token_is_decoded_with_the_whole_text(byte_level, ["<mask>", "é<mask>", "a <mask> cat <mask>dog"])


@pytest.mark.parametrize("kwargs", [{"prefix": "@@"}, {"cleanup": False}])
def test_other_word_piece_decoders_decode_as_with_the_whole_text(tokenizer, kwargs):
    changed = Tokenizer.from_str(tokenizer.tokenizer.to_str())
    changed.decoder = decoders.WordPiece(**kwargs)
    assert_every_token_is_decoded_with_the_whole_text(tokenizer._replace(tokenizer=changed), SENTENCES)
