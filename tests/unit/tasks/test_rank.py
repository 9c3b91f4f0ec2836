"""The verb ``rank`` beside brute force in numpy, beside ``predict`` and beside ``score``."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

from fillmask import CandidatesError, FillMask, InputError, NoMaskError, Ranked, TooLongError
from fillmask.candidates import Candidate, Candidates
from fillmask.contexts import slot_context
from fillmask.executor import run_task
from fillmask.results import as_json
from fillmask.slots import read_slots
from fillmask.tasks.rank import RANK, Parameters, rank, resolve, softmax
from fillmask.text_tokens import tokenize
from tests.support import toys
from tests.support.goldens import FAMILIES, golden

METHODS = ["l2r", "parallel"]
TINY = ["[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "##d", "##e"]
WORDS = ["cat", "dogs", "singing", "cat", "red cat", "London", "the"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A model of eight tokens."""
    vocab = {token: index for index, token in enumerate(TINY)}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 0), ("[SEP]", 1)]
    )
    tokenizer.add_special_tokens(["[CLS]", "[SEP]", "[MASK]"])
    folder = tmp_path_factory.mktemp("models") / "tiny"
    graph = toys.foreign_graph(toys.tables(5, len(TINY)))
    toys.write_foreign(folder, {"model.onnx": graph}, tokenizer=tokenizer, settings={"pad_token": "[SEP]"})
    return FillMask(folder, threads=1)


def log_probs(tables, ids, position):
    """The log probabilities of the vocabulary at a position, in float64."""
    logits = (tables[0][ids[position - 1]] + tables[1][ids[position + 1]]).astype(np.float64)
    return logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())


def brute_force(tables, left, candidate, right, *, method, mask):
    total = 0.0
    for place, token in enumerate(candidate):
        known = candidate[:place] if method == "l2r" else ()
        row = [*left, *known, *[mask] * (len(candidate) - len(known)), *right]
        total += log_probs(tables, row, len(left) + place)[token]
    return total


def given(ids):
    """Candidates by their ids, also those that no text gives, such as special tokens."""
    return SimpleNamespace(walked={}, of=lambda marked: [Candidate("x", each) for each in ids])


# What is computed


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_over_all_sequences_of_pieces_the_probabilities_are_those_of_brute_force_and_sum_to_one(tiny, method, pieces):
    every = list(product(range(len(TINY)), repeat=pieces))
    (ranked,) = run_task(tiny.model, rank(tiny.model, "a [MASK] b", Parameters(given(every), method))).value
    found = {each.token_ids: each.log_prob for each in ranked}
    assert len(found) == len(every)
    tables = toys.tables(5, len(TINY))
    expected = [brute_force(tables, [0, 3], ids, [4, 1], method=method, mask=2) for ids in every]
    np.testing.assert_allclose([found[ids] for ids in every], expected, atol=3e-6 * pieces)
    assert math.fsum(math.exp(value) for value in found.values()) == pytest.approx(1, abs=1e-5)
    assert math.fsum(each.score for each in ranked) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_several_slots_are_ranked_while_the_others_are_masked(fill_mask, method):
    ids = toys.word_piece().encode("the [MASK] sat on the [MASK].").ids
    first, second = fill_mask.rank(
        "the {mask} sat on the [MASK][MASK].".replace("{mask}", "[MASK]"), WORDS, method=method
    )
    tables = toys.tables(0)
    for ranked, at, right in ((first, 2, [*ids[3:6], 4, 4, *ids[7:]]), (second, 6, ids[7:])):
        for each in ranked:
            own = toys.word_piece().encode(each.text, add_special_tokens=False).ids
            assert list(each.token_ids) == own
            expected = brute_force(tables, ids[:at], tuple(own), right, method=method, mask=4)
            assert each.log_prob == pytest.approx(expected, abs=1e-5)
            assert each.pieces == len(own)
        assert [each.log_prob for each in ranked] == sorted((each.log_prob for each in ranked), reverse=True)
    assert {(each.start, each.end) for each in first} == {(4, 10)}
    assert {(each.start, each.end) for each in second} == {(22, 34)}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", METHODS)
def test_candidates_of_one_token_have_the_log_probabilities_of_predict(family, method):
    model = golden(family)
    text = f"the {model.mask_token} is"
    names = {"bytelevel": "Ġthe Ġa Ġun", "unigram": "▁the ▁a ▁un"}.get(family, "the a un").split()
    (ranked,) = model.rank(text, [name.lstrip("Ġ▁") for name in names], method=method)
    ids = [model.tokenizer.tokenizer.token_to_id(name) for name in names]
    if None in ids:
        pytest.skip("not three words of one token")
    (predicted,) = model.predict(text, targets=names)
    assert [each.token_ids for each in ranked] == [(each.token,) for each in predicted]
    np.testing.assert_allclose(
        [each.log_prob for each in ranked], np.log([each.score for each in predicted]), atol=1e-5
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_the_sum_is_that_of_the_word_in_score_where_the_filled_text_reads_alike(family):
    model, agreed = golden(family), 0
    for before, after in (("the cat is ", " on the mat ."), ("", " is red"), ("so , ", " was here")):
        text = before + model.mask_token + after
        slotted = read_slots(model.model, text)
        for each in model.rank(text, ["the", "cat", "unbelievable", "red", "12"])[0]:
            filled = before + each.text + after
            context = slot_context(model.model, slotted, slotted.slots[0], each.pieces, None)
            tokens = tokenize(model.model, filled)
            row = np.concatenate([tokens.head, tokens.ids, tokens.tail])
            words = [word for word in model.score(filled).words if word.start == len(before) and word.text == each.text]
            if words and np.array_equal(row, context.row(each.token_ids)):
                agreed += 1
                assert words[0].log_prob == pytest.approx(each.log_prob, abs=1e-5)
    assert agreed >= 5


@pytest.mark.parametrize(
    ("normalize", "size"), [("pieces", lambda each: each.pieces), ("characters", lambda each: len(each.text))]
)
def test_what_is_compared_may_be_a_mean(native, normalize, size):
    text = "the [MASK] sat"
    plain = {each.text: each for each in native.rank(text, WORDS)[0]}
    (ranked,) = native.rank(text, WORDS, normalize=normalize)
    values = [each.log_prob / size(each) for each in ranked]
    assert values == sorted(values, reverse=True)
    assert [each.log_prob for each in ranked] == [plain[each.text].log_prob for each in ranked]
    np.testing.assert_allclose([each.score for each in ranked], np.exp(values) / np.exp(values).sum(), rtol=1e-12)


# What does not change it


def test_the_order_of_candidates_and_duplicates_do_not_matter(fill_mask):
    expected = fill_mask.rank("the [MASK] sat on [MASK]", WORDS)
    for seed in range(5):
        shuffled = random.Random(seed).sample(WORDS * 2, 2 * len(WORDS))
        assert fill_mask.rank("the [MASK] sat on [MASK]", shuffled) == expected


@pytest.mark.parametrize("method", METHODS)
def test_batches_and_workers_do_not_matter(fill_mask, method):
    texts = ["the [MASK] sat", "none", "[MASK] {mask}", "the [MASK] sat on the [MASK] in london"] * 3
    expected = [None if text == "none" else fill_mask.rank(text, WORDS, method=method) for text in texts]
    for batch_size, workers in ((1, 1), (1, 2), (4, 2), (16, 1)):
        found = fill_mask.rank_many(texts, WORDS, method=method, batch_size=batch_size, workers=workers)
        assert [None if isinstance(each, NoMaskError) else each for each in found] == expected


def test_a_candidate_keeps_its_value_beside_any_others(native):
    together = {each.text: each.log_prob for each in native.rank("the [MASK] sat", WORDS)[0]}
    for word in set(WORDS):
        assert native.rank("the [MASK] sat", [word])[0][0].log_prob == pytest.approx(together[word], abs=1e-6)


# Rows


def rows_of(model, text, ids, method="l2r"):
    return len(next(rank(model, text, Parameters(given(ids), method))))


def test_a_thousand_candidates_of_one_token_take_one_row(tiny):
    assert rows_of(tiny.model, "a [MASK]", [(token,) for token in range(1000)]) == 1


def test_candidates_of_three_pieces_take_a_row_for_each_distinct_prefix(native):
    draw, read = random.Random(3), 0
    ids = list({(draw.randrange(40), draw.randrange(40), draw.randrange(40)) for _ in range(1100)})[:1000]
    task = rank(native.model, "the [MASK] sat", Parameters(given(ids), "l2r"))
    reads = next(task)
    try:
        while True:
            read += len(reads)
            reads = task.send([[dict.fromkeys(each, 0.0) for each in one.reading.tokens] for one in reads])
    except StopIteration:
        pass
    assert read == 1 + len({each[:1] for each in ids}) + len({each[:2] for each in ids}) <= 1 + 40 + 1000
    assert rows_of(native.model, "the [MASK] sat", ids, "parallel") == 1


# Long texts, the caller's text


@pytest.mark.parametrize("method", METHODS)
def test_of_a_long_text_all_candidates_have_the_same_window(fill_mask, method):
    text = "cat " * 9 + "[MASK]" + " dog" * 9
    with pytest.raises(TooLongError, match="truncation 'window'"):
        fill_mask.rank(text, WORDS, method=method)
    slotted = read_slots(fill_mask.model, text)
    (ranked,) = fill_mask.rank(text, [*WORDS, "sitting"], method=method, truncation="window")
    most = max(each.pieces for each in ranked)
    context = slot_context(fill_mask.model, slotted, slotted.slots[0], most, "window")
    left, right = context.before.tolist(), context.after.tolist()
    for each in ranked:
        expected = brute_force(toys.tables(0), left, each.token_ids, right, method=method, mask=4)
        assert each.log_prob == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("text", ["the  RED {} sat.", "שלום {} עולם", "我喜欢{}猫", "👩‍👩‍👧 {}\r\n😀", "({})", "un{}"])
def test_any_text_keeps_the_callers_candidates_and_places(text):
    model = golden("bytelevel")
    text = text.format("{mask}")
    candidates = ["Cat", "日本", "שלום", "😀", "hot dog"]
    (ranked,) = model.rank(text, candidates)
    assert sorted(each.text for each in ranked) == sorted(candidates)
    assert {text[each.start : each.end] for each in ranked} == {"{mask}"}
    assert math.fsum(each.score for each in ranked) == pytest.approx(1, abs=1e-12)


def test_slots_name_the_places(fill_mask):
    (ranked,) = fill_mask.rank("the cat sat {mask}", WORDS, slots=[(4, 7)])
    assert {(each.start, each.end) for each in ranked} == {(4, 7)}
    (masked,) = fill_mask.rank("the [MASK] sat {mask}", WORDS)
    assert [each.log_prob for each in ranked] == [each.log_prob for each in masked]


# Arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "pll"}, "method must be one of 'l2r', 'parallel', got 'pll'"),
        ({"normalize": "words"}, "normalize must be None, 'pieces' or 'characters', got 'words'"),
        ({"truncation": "right"}, "truncation must be None or 'window', got 'right'"),
        ({"candidates": "cat"}, "candidates must be a list of strings"),
        ({"candidates": ["日"]}, "not in the vocabulary: '日'"),
    ],
)
def test_wrong_arguments_are_refused(native, arguments, message):
    with pytest.raises(InputError, match=message):
        native.rank("a [MASK]", **{"candidates": ["cat"], **arguments})
    with pytest.raises(InputError, match=message):
        native.rank_many(["a [MASK]"], **{"candidates": ["cat"], **arguments})


def test_errors_of_candidates_have_their_own_type(native):
    with pytest.raises(CandidatesError):
        native.rank("a [MASK]", [])
    assert RANK.name == "rank"
    assert isinstance(RANK.resolve(native.model, candidates=["cat"]).value.candidates, Candidates)


def test_the_softmax_of_impossible_candidates_is_even():
    assert softmax([-math.inf, -math.inf]) == [0.5, 0.5]
    assert softmax([0.0, -math.inf]) == [1.0, 0.0]
    assert softmax([-1000.0, -1000.0]) == [0.5, 0.5]


def test_json_has_no_infinity():
    ranked = Ranked("cat", -math.inf, 0.0, 1, (7,), 2, 8)
    assert as_json([[ranked]]) == [
        [{"text": "cat", "log_prob": None, "score": 0.0, "pieces": 1, "token_ids": [7], "start": 2, "end": 8}]
    ]


def test_the_rows_of_a_slot_are_made_once_for_all_texts(native):
    parameters = resolve(native.model, candidates=["cat", "dogs"]).value
    assert parameters.nodes(marked=True) is parameters.nodes(marked=True)
    parallel = replace(parameters, method="parallel")
    assert len(parallel.nodes(marked=True)) == 2 < len(parameters.nodes(marked=True)) == 3


@pytest.fixture(scope="module")
def bytes_model(tmp_path_factory):
    """A model with the token ``Ġdog``; where a word has no mark, ``dog`` is three tokens."""
    folder = tmp_path_factory.mktemp("models") / "bytes"
    graph = toys.foreign_graph(toys.tables(size=toys.byte_level().get_vocab_size()))
    settings = {"mask_token": "<mask>", "pad_token": "<pad>"}
    return FillMask(toys.write_foreign(folder, {"model.onnx": graph}, tokenizer=toys.byte_level(), settings=settings))


@pytest.mark.parametrize(("text", "pieces", "rows"), [("a <mask>", 1, 1), ("a<mask>", 3, 3), ("<mask>", 3, 3)])
def test_the_rows_are_no_fewer_than_run_where_words_have_no_mark(bytes_model, runs, text, pieces, rows):
    parameters = resolve(bytes_model.model, candidates=["dog"]).value
    assert (parameters.rows(text), parameters.most_pieces()) == (3, 3)
    assert parameters.most_pieces(marked=True) == 1
    runs.clear()
    assert bytes_model.rank(text, ["dog"])[0][0].pieces == pieces
    assert sum(runs) == rows
