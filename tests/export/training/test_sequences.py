"""Texts are kept as the tokenizer's numbers, cut at the ends of sentences, and batched within a limit."""

import numpy as np
import pytest
from transformers import AutoTokenizer

from fillmask_export.training.batch import Batcher
from fillmask_export.training.data import Data
from fillmask_export.training.errors import TrainingError
from fillmask_export.training.recipe import Recipe
from fillmask_export.training.sequences import batches, cut, held_out
from fillmask_export.training.shapes import Shapes
from fillmask_export.training.tokens import Tokens, read_tokens, write_tokens
from tests.support.training import sentences

RECIPE = Recipe(steps=1, batch_tokens=512, max_length=128, short_length=48)
MAX_CONTENT = 126


@pytest.fixture
def tokenizer(checkpoint):
    return AutoTokenizer.from_pretrained(checkpoint)


@pytest.fixture
def documents():
    """The corpus with two paragraphs of five sentences each a document."""
    lines = sentences()
    paragraphs = [" ".join(lines[start : start + 5]) for start in range(0, len(lines), 5)]
    return [paragraphs[start : start + 2] for start in range(0, len(paragraphs), 2)]


@pytest.fixture
def tokens(tokenizer, documents, tmp_path):
    write_tokens(tmp_path, documents, tokenizer, longest=MAX_CONTENT)
    return read_tokens(tmp_path)


def everything(tokens):
    return np.ones(len(tokens.hashes), bool)


def test_a_text_kept_sentence_by_sentence_has_the_tokens_it_has_whole(tokens, tokenizer, documents):
    for number, document in enumerate(documents):
        inside = np.repeat(tokens.documents == number, tokens.lengths)
        assert tokens.ids[inside].tolist() == tokenizer(" ".join(document), add_special_tokens=False)["input_ids"]


def test_sentences_and_paragraphs_are_found(tokens):
    assert len(tokens.lengths) > 150
    assert tokens.paragraphs.sum() == -(-len(sentences()) // 5)


@pytest.mark.parametrize("family", ["wordpiece"], indirect=True)
def test_a_sentence_longer_than_the_model_takes_is_cut(tokenizer, tmp_path):
    write_tokens(tmp_path, [["word " * 300]], tokenizer, longest=100)
    lengths = read_tokens(tmp_path).lengths
    assert lengths.max() == 100
    assert lengths.sum() == len(tokenizer("word " * 300, add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize("family", ["wordpiece"], indirect=True)
def test_texts_without_a_token_are_refused(tokenizer, tmp_path):
    with pytest.raises(TrainingError, match="hold no text"):
        write_tokens(tmp_path, [], tokenizer, longest=9)


@pytest.mark.parametrize("family", ["wordpiece"], indirect=True)
class TestCutting:
    def test_sequences_begin_and_end_with_sentences_and_stay_within_documents(self, tokens):
        sequences = cut(tokens, everything(tokens), RECIPE, np.random.default_rng(0), MAX_CONTENT)
        ends = np.cumsum(tokens.lengths)
        begins = ends - tokens.lengths
        last = sequences.starts + sequences.lengths
        assert set(sequences.starts) <= set(begins)
        assert set(last[sequences.lengths < MAX_CONTENT]) <= set(ends)
        document = np.repeat(tokens.documents, tokens.lengths)
        assert (document[sequences.starts] == document[last - 1]).all()

    def test_nearly_all_text_is_in_one_sequence_and_none_in_two(self, tokens):
        sequences = cut(tokens, everything(tokens), RECIPE, np.random.default_rng(0), MAX_CONTENT)
        order = np.argsort(sequences.starts)
        ends = (sequences.starts + sequences.lengths)[order]
        assert (ends[:-1] <= sequences.starts[order][1:]).all()
        assert sequences.lengths.sum() > 0.9 * tokens.lengths.sum()

    def test_the_share_of_long_sequences_is_what_the_recipe_says(self, tokens):
        mean = {}
        for share in (0.0, 1.0):
            recipe = Recipe(steps=1, short_length=48, long_share=share)
            mean[share] = cut(tokens, everything(tokens), recipe, np.random.default_rng(0), MAX_CONTENT).lengths.mean()
        assert mean[0.0] < 48 < mean[1.0]

    def test_equal_documents_are_held_out_together_and_in_any_order(self, tokenizer, documents, tmp_path):
        chosen = []
        for name, texts in (("one", documents + documents), ("other", documents[::-1])):
            (tmp_path / name).mkdir()
            write_tokens(tmp_path / name, texts, tokenizer, longest=MAX_CONTENT)
            chosen.append(held_out(read_tokens(tmp_path / name), RECIPE))
        both, other = chosen
        assert (both[: len(documents)] == both[len(documents) :]).all()
        assert both.any()
        assert other[::-1].any()

    @pytest.mark.parametrize("long_share", [0.0, 0.15, 1.0])
    @pytest.mark.parametrize(("short_length", "max_content"), [(1, 510), (8, 510), (12, 126), (48, 1), (48, 8)])
    def test_any_lengths_fill_the_text(self, tokens, short_length, max_content, long_share):
        recipe = Recipe(steps=1, short_length=short_length, long_share=long_share)
        for seed in range(20):
            sequences = cut(tokens, everything(tokens), recipe, np.random.default_rng(seed), max_content)
            assert 0 < sequences.lengths.max() <= max_content

    def test_what_is_held_out_is_learned_from_in_no_epoch(self, tokens, tokenizer):
        data = Data(tokens, Batcher(tokenizer, RECIPE), RECIPE, MAX_CONTENT)
        held = {row for group in data.held().values() for batch in group for row in sequences_in(batch)}
        stream = data.stream(0)
        learned = {row for _ in range(60) for row in sequences_in(next(stream))}
        assert held
        assert not held & learned

    def test_one_document_is_too_few(self, tokenizer, tmp_path):
        write_tokens(tmp_path, [["One sentence. And another one."]], tokenizer, longest=MAX_CONTENT)
        with pytest.raises(TrainingError, match="too few to hold some out"):
            held_out(read_tokens(tmp_path), RECIPE)

    def test_batches_hold_each_sequence_once_within_the_limit_and_little_padding(self, tokens):
        sequences = cut(tokens, everything(tokens), RECIPE, np.random.default_rng(0), MAX_CONTENT)
        shapes = Shapes(512, MAX_CONTENT + 2)
        made = list(batches(sequences, np.random.default_rng(0), shapes, 2))
        assert sorted(np.concatenate([batch.starts for batch in made])) == sorted(sequences.starts)
        padded = [shapes.of(int(batch.lengths.max()) + 2) for batch in made]
        assert all(len(batch.lengths) <= rows for batch, (rows, _) in zip(made, padded, strict=True))
        assert max(rows * columns for rows, columns in padded) <= 512
        assert sum(rows * columns for rows, columns in padded) < 1.25 * (sequences.lengths + 2).sum() + 512

    def test_the_batches_of_all_epochs_have_few_shapes(self, tokens, tokenizer):
        data = Data(tokens, Batcher(tokenizer, RECIPE), RECIPE, MAX_CONTENT)
        stream = data.stream(0)
        made = [next(stream) for _ in range(200)] + [batch for held in data.held().values() for batch in held]
        assert {tuple(batch.input_ids.shape) for batch in made} <= data.shapes.all()
        assert len({batch.head_rows for batch in made}) <= 12
        assert all(len(batch.labels) <= batch.head_rows for batch in made)

    def test_the_samples_have_several_shapes(self, tokens, tokenizer):
        short, usual, long = Data(tokens, Batcher(tokenizer, RECIPE), RECIPE, MAX_CONTENT).samples()
        assert short.input_ids.shape[1] <= usual.input_ids.shape[1] <= long.input_ids.shape[1]
        assert short.input_ids.shape[1] < long.input_ids.shape[1]

    def test_a_stream_can_be_entered_at_any_step(self, tokens, tokenizer):
        data = Data(tokens, Batcher(tokenizer, RECIPE), RECIPE, MAX_CONTENT)
        whole = data.stream(0)
        steps = [next(whole) for _ in range(40)]
        assert sum(len(batch.input_ids) for batch in steps) > len(cut_all(data)), "more than an epoch"
        assert (next(data.stream(39)).input_ids == steps[39].input_ids).all()


class TestHoldingOut:
    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize(
        ("sizes", "least", "most"),
        [
            ([1000] * 200, 0.09, 0.1),
            ([8000, *[1000] * 100], 0.09, 0.1),
            ([1_000_000, *[10_000] * 5], 0.04, 0.05),
            ([1000] * 3, 0.3, 0.34),
            ([1, *[1000] * 5], 0.2, 0.21),
        ],
    )
    def test_a_tenth_is_held_out_at_most_and_of_a_few_large_documents_the_smallest(self, sizes, least, most, seed):
        tokens = documents_of(sizes)
        chosen = held_out(tokens, Recipe(steps=1, held_out=10**9, seed=seed))
        assert least <= tokens.lengths[chosen].sum() / sum(sizes) <= most

    def test_no_more_is_held_out_than_the_recipe_says(self):
        tokens = documents_of([900] * 200)
        assert tokens.lengths[held_out(tokens, Recipe(steps=1, held_out=2000))].sum() == 1800

    def test_the_seed_decides_what_is_held_out_and_the_order_does_not(self):
        tokens = documents_of([1000, 2000, 500] * 40)
        backwards = Tokens(tokens.ids, tokens.lengths[::-1], tokens.documents, tokens.paragraphs, tokens.hashes[::-1])
        chosen = [held_out(tokens, Recipe(steps=1, seed=seed)) for seed in (0, 1)]
        assert (held_out(backwards, Recipe(steps=1)) == chosen[0][::-1]).all()
        assert (chosen[0] != chosen[1]).any()

    def test_copies_of_one_document_are_too_few(self):
        tokens = documents_of([1000] * 3)
        tokens.hashes[:] = 7
        with pytest.raises(TrainingError, match=r"one document \(3 times\), too few to hold some out"):
            held_out(tokens, Recipe(steps=1))


def documents_of(sizes):
    """Documents of a sentence each, with so many tokens."""
    documents = np.arange(len(sizes))
    hashes = np.random.default_rng(0).integers(0, 2**63, len(sizes)).astype(np.uint64)
    return Tokens(np.zeros(0, np.uint32), np.array(sizes), documents, np.ones(len(sizes), bool), hashes)


def cut_all(data):
    return cut(data.tokens, everything(data.tokens), data.recipe, np.random.default_rng(0), data.max_content).starts


def originals(batch):
    """The rows of a batch before anything was masked."""
    return batch.input_ids.masked_scatter(batch.selected, batch.labels).tolist()


def sequences_in(batch):
    """The rows that have a sequence."""
    return [
        tuple(row) for row, attended in zip(originals(batch), batch.attention_mask, strict=True) if attended.sum() > 2
    ]


def test_a_batch_is_what_the_tokenizer_makes_of_the_texts_with_some_tokens_masked(tokens, tokenizer):
    recipe = Recipe(steps=1, masked=1.0, random=0.0)
    sequences = cut(tokens, everything(tokens), RECIPE, np.random.default_rng(0), MAX_CONTENT)
    sequences = sequences.take(np.arange(min(8, len(sequences.starts))))
    batch = Batcher(tokenizer, recipe).make(tokens.ids, sequences, (10, 128), seed=3)
    for row, start, length in zip(range(8), sequences.starts, sequences.lengths, strict=False):
        before, after = tokenizer("")["input_ids"]
        expected = [before, *tokens.ids[start : start + length].tolist(), after]
        assert originals(batch)[row][: len(expected)] == expected
        assert batch.attention_mask[row].sum() == len(expected)
    assert batch.input_ids.shape == (10, 128)
    assert not batch.selected[8:].any(), "rows without a sequence"
    assert (batch.input_ids[batch.selected] == tokenizer.mask_token_id).all()
    assert 0.1 < batch.selected.sum() / batch.attention_mask.sum() < 0.3
