import itertools
from dataclasses import FrozenInstanceError, asdict, replace

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders

from fillmask.decoding import Decoder, Prediction
from fillmask.encoding import Encoder


def decode(decoder, ids, position, best, *, single_mask=True):
    return decoder.decode(decoder.around(ids, position, single_mask=single_mask), best)


def fill(tokenizer, text, token, *, single_mask=True, mask=0):
    """The prediction for one token at one of the text's masks."""
    (ids,) = Encoder(tokenizer).encode(text)
    position = np.flatnonzero(ids == tokenizer.mask_token_id)[mask]
    token_id = tokenizer.tokenizer.token_to_id(token)
    (prediction,) = decode(Decoder(tokenizer), ids, position, [(token_id, 0.5)], single_mask=single_mask)
    return prediction


def test_a_prediction_says_its_score_token_text_and_sequence(tokenizer):
    cat = tokenizer.tokenizer.token_to_id("cat")
    assert fill(tokenizer, "the [MASK] sat", "cat") == Prediction(0.5, cat, "cat", "the cat sat")


def test_its_fields_come_in_transformers_order():
    assert list(asdict(Prediction(0.5, 1, "a", "b"))) == ["score", "token", "token_str", "sequence"]


def test_a_prediction_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Prediction(0.5, 1, "a", "b").score = 1


def test_a_word_piece_keeps_its_hashes_and_joins_the_word_before_it(tokenizer):
    prediction = fill(tokenizer, "cat[MASK]", "##ing")
    assert (prediction.token_str, prediction.sequence) == ("##ing", "cating")


def test_a_byte_level_token_keeps_its_leading_space(byte_level):
    prediction = fill(byte_level, "a <mask>", "Ġcat")
    assert (prediction.token_str, prediction.sequence) == (" cat", "a cat")


def test_the_special_tokens_leave_the_sequence_of_a_single_mask(tokenizer):
    assert fill(tokenizer, "the [MASK]", "cat", single_mask=True).sequence == "the cat"


def test_the_special_tokens_and_the_other_masks_stay_where_there_are_several(tokenizer):
    first = fill(tokenizer, "[MASK] and [MASK]", "cat", single_mask=False, mask=0)
    second = fill(tokenizer, "[MASK] and [MASK]", "dog", single_mask=False, mask=1)
    assert first.sequence.startswith("[CLS] cat")
    assert first.sequence.endswith("[MASK] [SEP]")
    assert second.sequence.startswith("[CLS] [MASK]")
    assert second.sequence.endswith("dog [SEP]")


def test_a_predicted_special_token_is_shown_in_token_str_and_skipped_in_the_sequence(tokenizer):
    prediction = fill(tokenizer, "the [MASK]", "[SEP]")
    assert (prediction.token_str, prediction.sequence) == ("[SEP]", "the")


def test_a_predicted_padding_token_is_dropped_as_transformers_drops_it(tokenizer):
    prediction = fill(tokenizer, "the [MASK] [MASK]", "[PAD]", single_mask=False)
    assert prediction.sequence == "[CLS] the [MASK] [SEP]"


def test_a_token_that_only_the_model_knows_has_no_text(tokenizer):
    (ids,) = Encoder(tokenizer).encode("the [MASK]")
    (prediction,) = decode(Decoder(tokenizer), ids, 2, [(10_000, 0.5)])
    assert (prediction.token_str, prediction.sequence) == ("", "the")


def test_predictions_keep_the_order_they_are_given_in(tokenizer):
    (ids,) = Encoder(tokenizer).encode("[MASK]")
    predictions = decode(Decoder(tokenizer), ids, 1, zip([9, 7, 8], [0.1, 0.7, 0.2], strict=True))
    assert [(prediction.token, prediction.score) for prediction in predictions] == [(9, 0.1), (7, 0.7), (8, 0.2)]


def test_decoding_leaves_the_texts_tokens_as_they_were(tokenizer):
    (ids,) = Encoder(tokenizer).encode("[MASK]")
    before = ids.copy()
    decode(Decoder(tokenizer), ids, 1, [(9, 0.1)])
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
    spoken = fill(byte_level, text, "a").sequence
    cleaned = fill(replace(byte_level, clean_up=True), text, "a").sequence
    assert (spoken, cleaned) == (f"ax{spaced}y", f"ax{clean}y")


# A decoder keeps what it decoded before, and need not decode the whole text again for each prediction.

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
        (ids,) = Encoder(tokenizer).encode(text)
        for position in np.flatnonzero(ids == tokenizer.mask_token_id).tolist():
            best = [(token, 0.5) for token in tokens]
            for answer in decode(decoder, ids, position, best, single_mask=single_mask):
                whole = from_the_whole_text(tokenizer, ids, position, answer.token, single_mask=single_mask)
                assert [answer.token_str, answer.sequence] == whole


@pytest.mark.parametrize("clean_up", [True, False])
@pytest.mark.parametrize("pad_token_id", [None, 0, 9])
def test_each_word_piece_is_decoded_as_with_the_whole_text(tokenizer, clean_up, pad_token_id):
    changed = replace(tokenizer, clean_up=clean_up, pad_token_id=pad_token_id)
    assert_every_token_is_decoded_with_the_whole_text(changed, SENTENCES)


def test_each_byte_level_token_is_decoded_as_with_the_whole_text(byte_level):
    assert_every_token_is_decoded_with_the_whole_text(byte_level, ["<mask>", "é<mask>", "a <mask> cat <mask>dog"])


@pytest.mark.parametrize("kwargs", [{"prefix": "@@"}, {"cleanup": False}])
def test_other_word_piece_decoders_decode_as_with_the_whole_text(tokenizer, kwargs):
    tokenizer = Tokenizer.from_str(tokenizer.tokenizer.to_str())
    tokenizer.decoder = decoders.WordPiece(**kwargs)
    assert_every_token_is_decoded_with_the_whole_text(replace(tokenizer, tokenizer=tokenizer), SENTENCES)
