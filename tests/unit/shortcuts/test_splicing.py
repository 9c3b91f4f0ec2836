import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders

from fillmask.decoding import Decoder
from fillmask.encoding import Encoder
from fillmask.locating import locate
from fillmask.shortcuts.splicing import Splicer, TextCache
from tests.support import toys
from tests.support.toys import PROPERTY, VOCAB_SIZE

# The model may predict a token that its tokenizer does not have, and a task may put it into a text.
TOKEN = st.integers(0, VOCAB_SIZE + 1)
TOKENS = st.lists(TOKEN, max_size=8)


@pytest.fixture(scope="module")
def word_piece():
    return toys.word_piece()


@pytest.fixture(scope="module")
def splicer(word_piece):
    return Splicer.for_tokenizer(word_piece)


def without_cleanup():
    tokenizer = toys.word_piece()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    return tokenizer


def other_prefix():
    tokenizer = toys.word_piece()
    tokenizer.decoder = decoders.WordPiece(prefix="@@")
    return tokenizer


# Equal to the plain step


@PROPERTY
@given(left=TOKENS, right=TOKENS, token=st.none() | TOKEN, skip=st.booleans())
def test_any_tokens_are_spliced_as_the_tokenizer_decodes_them(word_piece, *, left, right, token, skip):
    splicer = Splicer.for_tokenizer(word_piece)
    spliced = splicer.around(left, right, skip_special_tokens=skip)
    if spliced is None:
        assert word_piece.decode(left, skip_special_tokens=skip) == ""
    else:
        ids = [*left, *([] if token is None else [token]), *right]
        assert spliced(token) == word_piece.decode(ids, skip_special_tokens=skip)


@pytest.mark.parametrize("make", [toys.word_piece, without_cleanup, other_prefix])
@pytest.mark.parametrize("skip", [True, False])
def test_every_token_is_spliced_as_the_tokenizer_decodes_it(make, skip):
    tokenizer = make()
    splicer = Splicer.for_tokenizer(tokenizer)
    left, right = [2, 5, 10], [12, 27, 3]
    spliced = splicer.around(left, right, skip_special_tokens=skip)
    for token in range(VOCAB_SIZE + 1):
        assert spliced(token) == tokenizer.decode([*left, token, *right], skip_special_tokens=skip)


@pytest.mark.parametrize("single_mask", [True, False])
@pytest.mark.parametrize(
    "text", ["the [MASK] sat.", "[MASK] sat", "a [MASK] , [MASK]!", "[SEP] [MASK] [PAD]", "[MASK]"]
)
def test_a_decoder_gives_the_same_without_it(tokenizer, monkeypatch, text, single_mask):
    def every_sequence(decoder):
        ids = Encoder(tokenizer).encode(text)
        around = [decoder.around(ids, each, single_mask=single_mask) for each in locate(ids, tokenizer.mask_token_id)]
        return [sequence(token) for sequence, token in itertools.product(around, range(VOCAB_SIZE + 1))]

    quick = every_sequence(Decoder(tokenizer))
    monkeypatch.setattr(Splicer, "for_tokenizer", lambda _: None)
    assert every_sequence(Decoder(tokenizer)) == quick


# Where it does not apply


@pytest.mark.parametrize(
    ("left", "skip"), [([], False), ([], True), ([2], True), ([2, 3, 0], True), ([VOCAB_SIZE], False)]
)
def test_a_token_that_may_come_first_is_left_to_the_tokenizer(splicer, left, skip):
    assert splicer.around(left, [5, 3], skip_special_tokens=skip) is None


def no_decoder():
    tokenizer = toys.word_piece()
    tokenizer.decoder = None
    return tokenizer


def sequence_of_decoders():
    tokenizer = toys.word_piece()
    tokenizer.decoder = decoders.Sequence([decoders.WordPiece(), decoders.Strip(" ", 0, 1)])
    return tokenizer


def no_ordinary_token():
    content = toys.word_piece()
    tokenizer = Tokenizer.from_str(content.to_str())
    tokenizer.add_tokens(toys.VOCAB)
    return tokenizer


@pytest.mark.parametrize("make", [toys.byte_level, no_decoder, sequence_of_decoders, no_ordinary_token])
def test_other_tokenizers_have_none(make):
    assert Splicer.for_tokenizer(make()) is None


# Its caches


def test_a_token_is_decoded_once():
    decoded = []
    texts = TextCache(lambda token: decoded.append(token) or str(token))
    assert texts.join([7, 8, 7]) + texts[8] == "7878"
    assert texts.join([]) == ""
    assert decoded == [7, 8]


def test_a_special_token_that_was_added_again_as_an_ordinary_one_is_left_out():
    tokenizer = toys.word_piece()
    tokenizer.add_special_tokens(["<ent>"])
    tokenizer.add_tokens([AddedToken("<ent>", special=False)])
    ids = [tokenizer.token_to_id(token) for token in ("<ent>", "cat", "sat")]
    sequence = Splicer.for_tokenizer(tokenizer).around([ids[0], ids[1]], [ids[2]], skip_special_tokens=True)
    assert sequence(ids[1]) == tokenizer.decode([ids[0], ids[1], ids[1], ids[2]]) == "cat cat sat"
