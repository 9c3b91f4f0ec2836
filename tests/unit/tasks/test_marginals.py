"""The verb ``marginals`` beside brute force in numpy, and the four scores of a mutant."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from fillmask import FillMask, InputError, TextError, TooLongError
from fillmask.tasks.marginals import AMINO_ACIDS, AlphabetLogProbs
from tests.support import toys

GOLDEN = Path(__file__).parents[2] / "golden"
SPECIAL = ["<cls>", "<pad>", "<eos>", "<unk>", "<mask>"]
LETTERS = [*SPECIAL, *AMINO_ACIDS, "X", "B", "-"]
MASK = LETTERS.index("<mask>")
WILD = "MKTAYIAKQR"
FILLS = ["wild", "mask", "mutant", "match"]


def protein_tokenizer():
    """A tokenizer like ESM's: each residue is a token, and some letters stand for no amino acid."""
    vocab = {letter: index for index, letter in enumerate(LETTERS)}
    tokenizer = Tokenizer(models.BPE(vocab, [], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<cls> $A <eos>", special_tokens=[("<cls>", 0), ("<eos>", 2)]
    )
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


@pytest.fixture(scope="module")
def protein(tmp_path_factory):
    settings = {"mask_token": "<mask>", "pad_token": "<pad>", "unk_token": "<unk>"}
    graph = toys.foreign_graph(toys.tables(size=len(LETTERS)))
    folder = tmp_path_factory.mktemp("models") / "protein"
    toys.write_foreign(folder, {"model.onnx": graph}, tokenizer=protein_tokenizer(), settings=settings)
    return FillMask(folder, threads=1)


def encode(sequence):
    return [0, *(MASK if letter == "?" else LETTERS.index(letter) for letter in sequence), 2]


def log_prob(sequence, index, letter, tables=None):
    """log p(letter | sequence) at a residue, of the toy model, in float64; ``?`` is a mask."""
    left, right = toys.tables(size=len(LETTERS)) if tables is None else tables
    ids = encode(sequence)
    logits = (left[ids[index]] + right[ids[index + 2]]).astype(np.float64)
    return logits[LETTERS.index(letter)] - np.log(np.exp(logits).sum())


def put(sequence, changes):
    letters = list(sequence)
    for index, letter in changes.items():
        letters[index] = letter
    return "".join(letters)


def brute_force(changes, fill):
    """The score of a mutant as the table of the literature defines it."""
    total = 0.0
    mutant = put(WILD, changes)
    for index, letter in changes.items():
        contexts = {
            "wild": (put(WILD, {index: "?"}),) * 2,
            "mask": (put(WILD, dict.fromkeys(changes, "?")),) * 2,
            "mutant": (put(mutant, {index: "?"}),) * 2,
            "match": (put(mutant, {index: "?"}), put(WILD, {index: "?"})),
        }[fill]
        total += log_prob(contexts[0], index, letter) - log_prob(contexts[1], index, WILD[index])
    return total


# The matrix


@pytest.mark.parametrize("masked", [True, False])
def test_the_matrix_is_that_of_brute_force(protein, masked):
    found = protein.marginals(WILD, masked=masked)
    assert (found.tokens, found.alphabet) == (tuple(WILD), tuple(AMINO_ACIDS))
    assert (found.log_probs.dtype, found.log_probs.shape) == (np.float32, (len(WILD), 20))
    for index in range(len(WILD)):
        context = put(WILD, {index: "?"}) if masked else WILD
        expected = [log_prob(context, index, letter) for letter in AMINO_ACIDS]
        np.testing.assert_allclose(found.log_probs[index], expected, atol=2e-6)


@pytest.mark.parametrize("family", ["wordpiece", "bytelevel", "unigram"])
def test_the_diagonal_sums_to_the_original_score(family):
    model = FillMask(GOLDEN / family / "model", threads=1)
    text = "The keys to the cabinet are here."
    found = model.marginals(text)
    own = [found.alphabet.index(token) for token in found.tokens]
    diagonal = found.log_probs[range(len(own)), own]
    score = model.score(text, method="original")
    np.testing.assert_allclose(diagonal, [token.log_prob for token in score.tokens], atol=1e-5)
    assert diagonal.sum(dtype=np.float64) == pytest.approx(score.log_prob, abs=1e-4)


def test_over_all_tokens_the_probabilities_sum_to_one(protein):
    found = protein.marginals(WILD, alphabet=LETTERS)
    np.testing.assert_allclose(np.exp(found.log_probs.astype(np.float64)).sum(axis=1), 1, atol=1e-5)


def test_an_alphabet_is_a_string_of_letters_or_a_list_of_tokens(protein):
    everything = protein.marginals(WILD)
    some = protein.marginals(WILD, alphabet="CA")
    assert some.alphabet == ("C", "A")
    np.testing.assert_array_equal(some.log_probs, everything.log_probs[:, [1, 0]])
    assert protein.marginals(WILD, alphabet=["X", "<mask>"]).alphabet == ("X", "<mask>")


def test_without_an_alphabet_a_language_model_has_its_ordinary_tokens(native):
    found = native.marginals("the cat")
    assert found.alphabet == tuple(toys.VOCAB[len(toys.SPECIALS) :])
    assert native.marginals("the cat", alphabet=["Dog", "##s"]).alphabet == ("dog", "##s")


def test_a_mask_in_the_text_is_a_position_like_the_others(protein):
    found = protein.marginals("MK<mask>A")
    assert found.tokens == ("M", "K", "<mask>", "A")
    np.testing.assert_allclose(found.log_probs[2, 0], log_prob("MK?A", 2, "A"), atol=2e-6)


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("length", [14, 15, 28, 61])
def test_a_long_sequence_is_read_in_windows_with_its_special_tokens(protein, masked, length):
    sequence = (AMINO_ACIDS * 4)[:length]
    found = protein.marginals(sequence, masked=masked, truncation="window")
    for index in range(length):
        context = put(sequence, {index: "?"}) if masked else sequence
        np.testing.assert_allclose(found.log_probs[index, 3], log_prob(context, index, "E"), atol=2e-6)


def test_a_long_sequence_is_refused_without_windows(protein):
    with pytest.raises(TooLongError, match="the text has 17 tokens and the model takes at most 16"):
        protein.marginals("A" * 15)
    with pytest.raises(InputError, match="truncation must be None or 'window'"):
        protein.marginals("A", truncation="right")


def test_a_matrix_that_is_too_large_is_refused(protein, monkeypatch):
    monkeypatch.setattr("fillmask.tasks.marginals._MOST_LOG_PROBS", 199)
    with pytest.raises(InputError, match="10 positions of 20 tokens are more than 199; name an alphabet"):
        protein.marginals(WILD)
    assert protein.marginals(WILD, alphabet="ACD").log_probs.shape == (10, 3)


def test_a_text_without_tokens_is_refused(protein):
    with pytest.raises(TextError, match="no token to read"):
        protein.marginals("")


@pytest.mark.parametrize(
    ("alphabet", "message"),
    [
        ("", "alphabet must be a string of characters or a list of tokens, got ''"),
        ([], "alphabet must be"),
        (["A", 1], "alphabet must be"),
        (5, "alphabet must be"),
        ("AJ", "'J' in the alphabet is not a token of the model"),
        ("ACA", "names a token twice"),
    ],
)
def test_a_wrong_alphabet_is_refused(protein, alphabet, message):
    with pytest.raises(InputError, match=message):
        protein.marginals(WILD, alphabet=alphabet)


def test_masked_is_a_truth_value(protein):
    with pytest.raises(InputError, match="masked must be True or False, got 1"):
        protein.marginals(WILD, masked=1)


def test_a_reading_compares_by_its_alphabet():
    first, second = (np.array([1, index], dtype=np.int64).tobytes() for index in (2, 3))
    assert AlphabetLogProbs(first) == AlphabetLogProbs(bytes(first)) != AlphabetLogProbs(second)


# Unmasked positions of a quantized variant


def quantized(folder, *, keep_fp32=True):
    manifest = json.loads((folder / "fillmask.json").read_text())
    manifest["variants"]["int8"]["quantization"] = "on fixed scales"
    if not keep_fp32:
        del manifest["variants"]["fp32"]
    (folder / "fillmask.json").write_text(json.dumps(manifest))
    return FillMask(folder, variant="int8", threads=1)


def test_a_variant_that_was_calibrated_at_masks_does_not_read_unmasked_tokens(native_copy):
    model = quantized(native_copy)
    with pytest.raises(InputError, match=r"variant int8 was calibrated.*take variant 'fp32'"):
        model.marginals("the cat", masked=False)
    assert model.marginals("the cat").log_probs.shape[0] == 2


def test_without_another_variant_the_error_names_the_export(native_copy):
    with pytest.raises(InputError, match="export the model with a variant fp32"):
        quantized(native_copy, keep_fp32=False).marginals("the cat", masked=False)


def test_the_quantized_variant_of_a_foreign_folder_does_not_either(tmp_path):
    graph = toys.foreign_graph(toys.tables())
    toys.write_foreign(tmp_path / "m", {"model.onnx": graph, "model_quantized.onnx": graph})
    with pytest.raises(InputError, match=r"variant q8 was calibrated.*take variant 'fp32'"):
        FillMask(tmp_path / "m", variant="q8", threads=1).marginals("the cat", masked=False)


# Mutants


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("changes", [{1: "R"}, {0: "A", 9: "A"}, {3: "G", 4: "W", 5: "V"}])
def test_mutants_are_scored_as_brute_force_scores_them(protein, fill, changes):
    name = ":".join(f"{WILD[index]}{index + 1}{letter}" for index, letter in changes.items())
    (score,) = protein.marginals(WILD).variants([name], fill=fill)
    assert score == pytest.approx(brute_force(changes, fill), abs=1e-5)


def test_all_fills_agree_on_single_mutants_and_differ_on_neighbors(protein):
    found = protein.marginals(WILD)
    singles = [f"{letter}{index}{other}" for index, letter in enumerate(WILD, 1) for other in "ACW"]
    scores = [found.variants(singles, fill=fill) for fill in FILLS]
    for other in scores[1:]:
        np.testing.assert_allclose(other, scores[0], atol=2e-6)
    assert len({round(float(found.variants(["K2R:T3A"], fill=fill)[0]), 4) for fill in FILLS}) == 4


@pytest.mark.parametrize("fill", FILLS)
def test_the_wild_type_scores_nothing(protein, fill):
    assert protein.marginals(WILD).variants(["M1M", "M1M:K2K"], fill=fill).tolist() == pytest.approx([0, 0], abs=1e-6)


def test_unmasked_marginals_score_mutants_too(protein):
    (score,) = protein.marginals(WILD, masked=False).variants(["K2R:T3A"])
    expected = log_prob(WILD, 1, "R") - log_prob(WILD, 1, "K") + log_prob(WILD, 2, "A") - log_prob(WILD, 2, "T")
    assert score == pytest.approx(expected, abs=1e-5)


def test_positions_are_counted_from_the_offset_and_mutations_separated_by_comma_or_colon(protein):
    found = protein.marginals(WILD)
    first = found.variants(["K2R:T3A"])
    np.testing.assert_array_equal(found.variants(["K102R,T103A"], offset=101), first)
    np.testing.assert_array_equal(found.variants(["K1R:T2A"], offset=0), first)
    assert found.variants([]).shape == (0,)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("K2", "'K2' is not a mutation such as 'A24G'"),
        ("", "'' is not a mutation"),
        (3, "a variant must be a string such as 'A24G', got 3"),
        ("A2R", "'A2R': position 2 is 'K'; check the offset"),
        ("K0R", "there is no position 0; they run from 1 to 10"),
        ("R11K", "there is no position 11"),
        ("K2X", "'X' is not in the alphabet"),
        ("K2R:K2A", "changes a position twice"),
    ],
)
def test_a_wrong_variant_is_refused(protein, name, message):
    with pytest.raises(InputError, match=message):
        protein.marginals(WILD).variants([name])


def test_a_wild_type_letter_outside_of_the_alphabet_is_refused_unless_named(protein):
    with pytest.raises(InputError, match="'X' is not in the alphabet"):
        protein.marginals("MXA").variants(["X2A"])
    assert protein.marginals("MXA", alphabet="XA").variants(["X2A"]).shape == (1,)


def test_one_string_is_not_a_list_of_variants(protein):
    with pytest.raises(InputError, match="variants must be a list of strings"):
        protein.marginals(WILD).variants("K2R")


def test_fills_that_are_not_possible_are_refused(protein):
    with pytest.raises(InputError, match="fill must be one of 'wild', 'mask', 'mutant', 'match', got 'wt'"):
        protein.marginals(WILD).variants(["K2R"], fill="wt")
    with pytest.raises(InputError, match="fill='mask' masks the mutated positions"):
        protein.marginals(WILD, masked=False).variants(["K2R"], fill="mask")
    long = protein.marginals("A" * 15, truncation="window")
    assert long.variants(["A1C"]).shape == (1,)
    with pytest.raises(InputError, match="was read in windows; take fill='wild'"):
        long.variants(["A1C"], fill="mutant")
