"""The tokenizers of PhoBERT and BERTweet in an artifact, beside transformers' own, which exist in Python only."""

import random

import pytest
import transformers
from transformers import BertweetTokenizer, PhobertTokenizer, RobertaConfig

from fillmask import FillMask
from fillmask.artifact.folder import Artifact
from fillmask.artifact.tokenizer import open_tokenizer
from fillmask_export import Plan, export
from fillmask_export.at_signs import fast_at_signs
from fillmask_export.errors import CheckpointError
from fillmask_export.verify.tokenizer_check import HARD_TEXTS, check_tokenizer
from tests.support.agreement import ask_engine, ask_reference, assert_agree
from tests.support.architectures import draw
from tests.support.at_signs import write_at_signs
from tests.support.cases import MASK, Call
from tests.support.training import sentences

KINDS = [PhobertTokenizer, BertweetTokenizer]
BETWEEN = ["", "", " ", " ", "  ", "\n", "\n\n", "\r\n", "\x1c", "\x85", "\u3000", "@@", "@@ ", "</w>"]
MAX_LENGTH = 64


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_at_signs(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module", params=KINDS)
def slow(request, files):
    return request.param(*files, model_max_length=MAX_LENGTH)


@pytest.fixture(scope="module")
def folder(slow, tmp_path_factory):
    folder = tmp_path_factory.mktemp("artifact")
    fast_at_signs(slow).save_pretrained(folder)
    (folder / "config.json").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def engine(folder):
    return open_tokenizer(Artifact(folder, str(folder), None, {}, {})).tokenizer


def test_merges_make_symbols_that_are_no_tokens(slow, folder, engine):
    """As those of real vocabularies; otherwise the tests show nothing of them."""
    symbols = fast_at_signs(slow).backend_tokenizer.get_vocab()
    assert len(symbols) > len(slow) + 50
    assert engine.get_vocab_size() == len(slow)


def test_hard_texts_are_read_and_written_alike(slow, folder):
    assert check_tokenizer(slow, folder)["texts"] > len(HARD_TEXTS)


def test_random_texts_are_read_and_written_alike(slow, folder):
    rng = random.Random(0)
    words = [*" ".join(sentences()).split(), *slow.get_vocab().keys() - {"<pad>"}]
    rows = [[rng.choice(words) + rng.choice(BETWEEN) for _ in range(rng.randint(0, 20))] for _ in range(200)]
    check_tokenizer(slow, folder, ["{}" + "".join(row) for row in rows])


def test_tokens_have_the_names_and_texts_of_transformers(slow, engine):
    assert engine.get_vocab() == slow.get_vocab()
    for name, token in slow.get_vocab().items():
        assert (engine.token_to_id(name), engine.id_to_token(token)) == (token, name)
        assert engine.decode([token], skip_special_tokens=False) == slow.decode([token])


def test_tweets_that_are_rewritten_are_refused(files):
    with pytest.raises(CheckpointError, match="rules that are Python code; set normalization to false"):
        fast_at_signs(BertweetTokenizer(*files, normalization=True))


@pytest.mark.parametrize(
    ("vocab", "merges", "what"),
    [
        ("a 1\na 1\nb 1\n", "", "two entries for one id"),
        ("a 1\na</w>b 1\n", "", "</w> inside"),
        ("a 1\n", "< / 1\n</ w 1\n</w > 1\n", "</w> inside"),
        ("a 1\n", "a b</w> 1\nab</w> c</w> 1\n", "</w> inside"),
        ("a 1\n", "a< /w> 1\n", "</w> inside"),
        ("a 1\n", "< m 1\n<m a 1\n<ma s 1\n<mas k 1\n<mask > 1\n", "a piece like an added token"),
        ("@@@ 1\n", "@ @</w> 1\n@ @@</w> 1\n", "a last piece like another's name"),
        ("a 1\n", "ab c 1\na b 1\n", "a merge before that of its part"),
    ],
)
def test_what_a_fast_tokenizer_reads_otherwise_is_refused(tmp_path, vocab, merges, what):
    paths = tmp_path / "vocab.txt", tmp_path / "bpe.codes"
    for path, text in zip(paths, (vocab, merges), strict=True):
        path.write_text(text, encoding="utf-8")
    with pytest.raises(CheckpointError, match=what):
        fast_at_signs(PhobertTokenizer(*map(str, paths)))


def test_predictions_are_those_of_the_pipeline(files, tmp_path):
    checkpoint, tokenizer = tmp_path / "checkpoint", PhobertTokenizer(*files, model_max_length=MAX_LENGTH)
    tokenizer.save_pretrained(checkpoint)
    config = RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=MAX_LENGTH + 2, type_vocab_size=1, tokenizer_class="PhobertTokenizer",
    )  # fmt: skip
    draw(config, 0.3).save_pretrained(checkpoint)
    export(checkpoint, tmp_path / "out", ["fp32"], plan=Plan(masks=50, rounds=0))
    fill = FillMask(tmp_path / "out")
    pipeline = transformers.pipeline("fill-mask", model=str(checkpoint), device="cpu")
    assert isinstance(pipeline.tokenizer, PhobertTokenizer)
    piece = next(name for name in tokenizer.get_vocab() if name.endswith("@@") and name != "@@")
    text = f"The {MASK} sleeps.\nIn the house"
    for call in (
        Call(text),
        Call([text, f"zqzqz {MASK} @@ bread", MASK]),
        Call(f"{MASK} and {MASK}", {"top_k": 50}),
        Call(text, {"targets": [piece, "the", "zq"]}),
    ):
        assert_agree(ask_engine(fill, call), ask_reference(pipeline, call))
