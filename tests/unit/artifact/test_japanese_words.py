"""Words of MeCab, played by a module of the test. tests/export/test_japanese.py compares them with transformers."""

import json
import pickle
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType, SimpleNamespace

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from fillmask.artifact.folder import Artifact
from fillmask.artifact.tokenizer import open_tokenizer, reported
from fillmask.errors import ArtifactError, FillMaskError, TextError
from fillmask.pieces import boundary_of

VOCAB = ["[UNK]", "[MASK]", "東京", "##都", "令和", "abς", "AB", "a", "b"]
SETTING = {"dictionary": "ipadic", "lowercase": False}


class Tagger:
    """Splits at white space of ASCII, and between letters of Latin or Greek and others."""

    def __init__(self, options):
        assert options == '-d "/words" -r "/words/mecabrc"'

    def __call__(self, text):
        if "broken" in text:
            raise RuntimeError("no lattice")
        self.text = text
        time.sleep(0.001)  # for other threads, which must not read a text meanwhile
        return [SimpleNamespace(surface=word) for word in re.findall(r"[A-Za-zΑ-ω]+|[^A-Za-zΑ-ω \n]+", self.text)]


@pytest.fixture
def mecab(monkeypatch):
    fugashi, ipadic = ModuleType("fugashi"), ModuleType("ipadic")
    fugashi.GenericTagger, ipadic.DICDIR = Tagger, "/words"
    monkeypatch.setitem(sys.modules, "fugashi", fugashi)
    monkeypatch.setitem(sys.modules, "ipadic", ipadic)


@pytest.fixture
def opened(tmp_path):
    def write(setting=SETTING, *, after=None, special=("[UNK]", "[MASK]")):
        model = models.WordPiece({token: place for place, token in enumerate(VOCAB)}, unk_token="[UNK]")
        tokenizer = Tokenizer(model)
        tokenizer.normalizer, tokenizer.decoder = normalizers.NFKC(), decoders.WordPiece(cleanup=False)
        if after:
            tokenizer.pre_tokenizer = after
        tokenizer.add_special_tokens(list(special))
        tokenizer.save(str(tmp_path / "tokenizer.json"))
        settings = {"mask_token": "[MASK]", "unk_token": "[UNK]", "japanese_words": setting}
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
        (tmp_path / "config.json").write_text("{}")
        return open_tokenizer(Artifact(tmp_path, str(tmp_path), None, {}, {})).tokenizer

    return write


@pytest.mark.usefixtures("mecab")
def test_words_stand_where_they_stand_in_the_text(opened):
    encoding = opened().encode("ＡＢ  東京都[MASK] \nAB")
    assert encoding.ids == [6, 2, 3, 1, 6]
    assert encoding.offsets == [(0, 2), (4, 6), (6, 7), (7, 13), (15, 17)]
    assert encoding.word_ids == [0, 1, 1, 2, 3]


@pytest.mark.usefixtures("mecab")
def test_normalization_is_completed_where_the_library_has_older_tables(opened):
    encoding = opened().encode("a ㋿ａ")
    assert (encoding.ids, encoding.offsets) == ([7, 4, 7], [(0, 1), (2, 3), (3, 4)])


@pytest.mark.usefixtures("mecab")
def test_a_word_is_put_into_lower_case_by_itself(opened):
    assert opened().encode("ABΣ AB").ids == [0, 6]
    assert opened(SETTING | {"lowercase": True}).encode("ABΣ A [MASK]").ids == [5, 7, 1]


@pytest.mark.usefixtures("mecab")
def test_a_word_that_is_a_special_token_keeps_its_capitals(opened):
    tokenizer = opened(SETTING | {"lowercase": True}, special=("[UNK]", "[MASK]", "AB"))
    assert tokenizer.encode("ＡＢ Ａ").ids == [6, 7]


@pytest.mark.usefixtures("mecab")
def test_threads_take_turns(opened):
    tokenizer, texts = opened(), ["AB a", "b", "東京都 a"] * 8
    with ThreadPoolExecutor(3) as pool:
        batches = list(pool.map(lambda _: [each.ids for each in tokenizer.encode_batch_fast(texts)], range(3)))
    assert batches == [[[6, 7], [8], [2, 3, 7]] * 8] * 3


@pytest.mark.usefixtures("mecab")
def test_the_file_says_how_words_are_split_again(opened):
    letters = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    assert opened(after=letters).encode("ab ba").ids == [7, 8, 8, 7]


@pytest.mark.usefixtures("mecab")
def test_pieces_of_words_are_known_without_the_settings_of_code(opened):
    tokenizer = opened()
    with pytest.raises(Exception, match="cannot be serialized"):
        pickle.dumps(tokenizer)
    boundary = boundary_of(tokenizer)
    assert boundary is not None
    assert (boundary.mark, boundary.begins) == ("##", False)


@pytest.mark.usefixtures("mecab")
def test_a_text_on_which_mecab_fails_is_an_error_of_the_text(opened):
    with pytest.raises(TextError, match=r"the tokenizer fails on the text: .*no lattice"):
        reported(opened().encode, "broken")


@pytest.mark.parametrize(
    "setting",
    [
        "ipadic",
        {},
        {"dictionary": "ipadic"},
        SETTING | {"lowercase": 1},
        SETTING | {"dictionary": "os"},
        SETTING | {"dictionary": ["ipadic"]},
        SETTING | {"options": "-d /"},
    ],
)
def test_another_setting_is_refused(opened, setting):
    with pytest.raises(ArtifactError, match=r"japanese_words must be .*ipadic or unidic_lite.*, got "):
        opened(setting)


@pytest.mark.usefixtures("mecab")
@pytest.mark.parametrize("package", ["fugashi", "unidic-lite"])
def test_a_missing_package_is_named_with_its_extra(opened, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package.replace("-", "_"), None)
    with pytest.raises(FillMaskError, match=rf"Japanese words needs {package}, which .*pip install '\.\[japanese\]'"):
        opened({"dictionary": "unidic_lite", "lowercase": False})


@pytest.mark.usefixtures("mecab")
def test_a_dictionary_that_does_not_open_is_named(opened, monkeypatch):
    def fail(_options):
        raise RuntimeError("Failed initializing\nmore")

    monkeypatch.setattr("fugashi.GenericTagger", fail)
    with pytest.raises(ArtifactError, match=r"MeCab does not open the dictionary in /words: Failed initializing$"):
        opened()
