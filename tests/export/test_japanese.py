"""BertJapaneseTokenizer in an artifact, beside transformers' own, which exists in Python only."""

import json
import pickle
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
import transformers
from tokenizers import AddedToken
from transformers import BertConfig, BertJapaneseTokenizer

from fillmask import FillMask
from fillmask.artifact.folder import Artifact
from fillmask.artifact.tokenizer import open_tokenizer
from fillmask_export import Plan, export
from fillmask_export.errors import CheckpointError
from fillmask_export.japanese import fast_japanese
from fillmask_export.verify.tokenizer_check import HARD_TEXTS, check_tokenizer
from tests.support.agreement import ask_engine, ask_reference, assert_agree
from tests.support.architectures import draw
from tests.support.cases import MASK, Call
from tests.support.japanese import IPADIC, SENTENCES, masked_sentences, write_vocab

pytest.importorskip("fugashi")
pytest.importorskip("ipadic")

MECAB = {"word_tokenizer_type": "mecab"}
LOWER = IPADIC | {"do_lower_case": True}
KINDS = {
    "ipadic": IPADIC,
    "unidic_lite": MECAB,
    "lower": LOWER | {"additional_special_tokens": ["ABC"]},  # ＡＢＣ is this word, and keeps its capitals
    "not normalized": MECAB | {"mecab_kwargs": {"mecab_dic": "ipadic", "normalize_text": False}},
    "characters": IPADIC | {"subword_tokenizer_type": "character"},
    "basic": {"never_split": ["a-b"]},
}
BETWEEN = ["", "", " ", "\n", "\u3000", "\u2028", "\x1c", "##", "\u0301", "\u0338", "[UNK]", "[PAD]", "[SEP]", "a-b"]
MAX_LENGTH = 64


@pytest.fixture(scope="module")
def vocab(tmp_path_factory):
    return write_vocab(tmp_path_factory.mktemp("vocab"))


@pytest.fixture(scope="module", params=KINDS)
def slow(request, vocab):
    if request.param == "unidic_lite":
        pytest.importorskip("unidic_lite")
    if request.param == "lower" and transformers.__version__ < "5":
        pytest.skip("4.57 puts a text into lower case before MeCab reads it, too")
    return BertJapaneseTokenizer(vocab, model_max_length=MAX_LENGTH, **KINDS[request.param])


@pytest.fixture(scope="module")
def folder(slow, tmp_path_factory):
    return written(slow, tmp_path_factory.mktemp("artifact"))


def written(slow, folder):
    fast_japanese(slow).save_pretrained(folder)
    (folder / "config.json").write_text("{}")
    return folder


def opened(folder):
    return open_tokenizer(Artifact(folder, str(folder), None, {}, {})).tokenizer


def test_hard_texts_and_sentences_are_read_and_written_alike(slow, folder):
    assert check_tokenizer(slow, folder)["texts"] > len(HARD_TEXTS)
    check_tokenizer(slow, folder, masked_sentences())


def test_random_texts_are_read_and_written_alike(slow, folder):
    rng = random.Random(0)
    words = [*SENTENCES[:-1], *sorted(slow.get_vocab().keys() - set(slow.all_special_tokens))]
    rows = [[rng.choice(words) + rng.choice(BETWEEN) for _ in range(rng.randint(0, 12))] for _ in range(200)]
    check_tokenizer(slow, folder, [f"{''.join(row[:4])}{{}}{''.join(row[4:])}" for row in rows])


def test_tokens_have_the_names_and_texts_of_transformers(slow, folder):
    engine = opened(folder)
    assert engine.get_vocab() == slow.get_vocab()
    for token in slow.get_vocab().values():
        assert engine.decode([token], skip_special_tokens=False) == slow.decode([token])


def test_batches_in_several_threads_are_read_as_each_text_alone(folder):
    engine = opened(folder)
    texts = [f"{sentence}[MASK]{count}" for sentence in SENTENCES for count in range(20)]
    alone = [engine.encode(text).ids for text in texts]
    with ThreadPoolExecutor(4) as pool:
        batches = pool.map(lambda _: [each.ids for each in engine.encode_batch_fast(texts)], range(8))
        assert all(batch == alone for batch in batches)


def test_a_token_stands_where_its_word_stands_in_the_text(vocab, tmp_path):
    encoding = opened(written(BertJapaneseTokenizer(vocab, **IPADIC), tmp_path)).encode("ﾊﾟﾝ屋 ＡＢＣ 東京")
    text = "ﾊﾟﾝ屋 ＡＢＣ 東京"
    places = {text[first:last] for first, last in encoding.offsets if first < last}
    assert {"ＡＢＣ", "東京"} <= places


def test_white_space_at_the_ends_of_a_text_is_stripped(vocab, tmp_path):
    path = tmp_path / "spaces.txt"
    path.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n\u3000\n\n猫\n a\n", encoding="utf-8")
    slow = BertJapaneseTokenizer(str(path), **IPADIC)
    engine = opened(written(slow, tmp_path))
    for ids in ([5], [5, 7], [7, 5, 6], [8, 7, 8], [6, 6, 8]):
        assert engine.decode(ids, skip_special_tokens=False) == slow.decode(ids)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"do_word_tokenize": False}, "finds no words"),
        ({"do_subword_tokenize": False}, "makes no pieces"),
        ({"subword_tokenizer_type": "character"}, "normalizes characters once more"),
        (LOWER | {"subword_tokenizer_type": "character"}, "normalizes characters once more"),
        ({"do_lower_case": True}, "removes the marks of kana"),
        (MECAB | {"mecab_kwargs": {"mecab_dic": "ipadic", "mecab_option": "-a"}}, "gives MeCab the options '-a'"),
        (LOWER | {"never_split": ["A"]}, "keeps the capitals"),
    ],
)
def test_what_the_engine_would_read_otherwise_is_refused(vocab, options, reason):
    with pytest.raises(CheckpointError, match=reason):
        fast_japanese(BertJapaneseTokenizer(vocab, **options))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"word_tokenizer_type": "sudachi"}, "its words come from sudachi"),
        ({"word_tokenizer_type": "jumanpp"}, "its words come from jumanpp"),
        ({"subword_tokenizer_type": "sentencepiece"}, "its pieces come from SentencePiece"),
        ({"mecab_kwargs": {"mecab_dic": "unidic"}}, "is unidic, and the engine has ipadic, unidic_lite"),
        ({"mecab_kwargs": {"mecab_dic": None}}, "is None, and the engine has ipadic, unidic_lite"),
    ],
)
def test_words_and_pieces_of_other_programs_are_refused(vocab, changes, reason):
    """By their names: the programs themselves are large, and need not be installed."""
    tokenizer = BertJapaneseTokenizer(vocab, **IPADIC)
    for name, value in changes.items():
        setattr(tokenizer, name, value)
    with pytest.raises(CheckpointError, match=reason):
        fast_japanese(tokenizer)


def test_an_added_token_of_whole_words_is_refused(vocab):
    tokenizer = BertJapaneseTokenizer(vocab)
    tokenizer.add_tokens([AddedToken("x", single_word=True)])
    with pytest.raises(CheckpointError, match="an added token of whole words, 'x'"):
        fast_japanese(tokenizer)


@pytest.mark.parametrize(
    ("lines", "reason"), [("[UNK]\na\na\nb\n", "two entries for one id"), ("[MASK]\na\n", "lacks the unknown token")]
)
def test_a_vocabulary_that_a_fast_tokenizer_cannot_have_is_refused(tmp_path, lines, reason):
    (tmp_path / "vocab.txt").write_text(lines, encoding="utf-8")
    with pytest.raises(CheckpointError, match=reason):
        fast_japanese(BertJapaneseTokenizer(str(tmp_path / "vocab.txt")))


def test_predictions_are_those_of_the_pipeline(vocab, tmp_path):
    checkpoint, tokenizer = tmp_path / "checkpoint", BertJapaneseTokenizer(vocab, model_max_length=MAX_LENGTH, **IPADIC)
    tokenizer.save_pretrained(checkpoint)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=MAX_LENGTH, tokenizer_class="BertJapaneseTokenizer",
    )  # fmt: skip
    draw(config, 0.3).save_pretrained(checkpoint)
    export(checkpoint, tmp_path / "out", ["fp32"], plan=Plan(masks=50, rounds=0))
    assert json.loads((tmp_path / "out" / "tokenizer_config.json").read_text())["japanese_words"]
    fill = FillMask(tmp_path / "out")
    pipeline = transformers.pipeline("fill-mask", model=str(checkpoint), device="cpu")
    assert isinstance(pipeline.tokenizer, BertJapaneseTokenizer)
    text = f"私は昨日、{MASK}駅で友達に会いました。"
    for call in (
        Call(text),
        Call([text, f"ｶﾞｯｺｳ {MASK}\nＡＢＣ", MASK]),
        Call(f"{MASK}と{MASK} 。", {"top_k": 50}),
        Call(text, {"targets": ["東京", "駅", "無い猫"]}),
    ):
        assert_agree(ask_engine(fill, call), ask_reference(pipeline, call))
    texts = [sentence + MASK for sentence in SENTENCES[:8]]
    many = list(pickle.loads(pickle.dumps(fill)).predict_many(texts, batch_size=2, workers=3))
    assert [str(each) for each in many] == [str(fill.predict(each)) for each in texts]
