"""The verb ``marginals`` beside brute force in numpy."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fillmask import FillMask, InputError, TextError, TooLongError
from fillmask.tasks.marginals import AMINO_ACIDS, AlphabetLogProbs, marginals, resolve
from tests.support import toys
from tests.support.proteins import LETTERS, WILD, load_protein, log_prob, put

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture(scope="module")
def protein(tmp_path_factory):
    return load_protein(tmp_path_factory.mktemp("models") / "protein")


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


@pytest.mark.filterwarnings("ignore::fillmask.UnknownWarning")
def test_a_placeholder_is_text(native, protein):
    assert native.marginals("{mask}", alphabet="a").tokens == ("[UNK]", "m", "##a", "##s", "##k", "[UNK]")
    assert "<mask>" not in protein.marginals("M{mask}A").tokens
    with pytest.raises(InputError, match=r"'\{mask\}' in the alphabet is not a token of the model"):
        native.marginals("the cat", alphabet=["{mask}"])


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


def test_a_matrix_that_is_too_large_is_refused(protein):
    parameters = resolve(protein.model).value
    task = marginals(protein.model, WILD, replace(parameters, most_log_probs=199))
    with pytest.raises(InputError, match="10 positions of 20 tokens are more than 199 log probabilities; name a smal"):
        next(task)
    next(marginals(protein.model, WILD, replace(parameters, most_log_probs=200)))


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


def quantized(folder, *, keep_fp32=True, **more):
    manifest = json.loads((folder / "fillmask.json").read_text())
    manifest["variants"]["int8"] |= {"quantization": "on fixed scales"} | more
    if not keep_fp32:
        del manifest["variants"]["fp32"]
    (folder / "fillmask.json").write_text(json.dumps(manifest))
    return FillMask(folder, variant="int8", threads=1)


def test_a_variant_that_was_calibrated_at_masks_does_not_read_unmasked_tokens(native_copy):
    model = quantized(native_copy)
    with pytest.raises(InputError, match=r"variant int8 was verified at masks only.*take variant 'fp32'"):
        model.marginals("the cat", masked=False)
    assert model.marginals("the cat").log_probs.shape[0] == 2


@pytest.mark.parametrize(("verified", "reads"), [(True, True), (False, False), ("yes", False)])
def test_a_quantized_variant_that_was_verified_there_reads_unmasked_tokens(native_copy, verified, reads):
    model = quantized(native_copy, unmasked_verified=verified)
    if reads:
        assert model.marginals("the cat", masked=False).log_probs.shape[0] == 2
    else:
        with pytest.raises(InputError, match="verified at masks only"):
            model.marginals("the cat", masked=False)


def test_without_another_variant_the_error_names_the_export(native_copy):
    with pytest.raises(InputError, match="export the model with a variant fp32"):
        quantized(native_copy, keep_fp32=False).marginals("the cat", masked=False)


def test_the_quantized_variant_of_a_foreign_folder_does_not_either(tmp_path):
    graph = toys.foreign_graph(toys.tables())
    toys.write_foreign(tmp_path / "m", {"model.onnx": graph, "model_quantized.onnx": graph})
    with pytest.raises(InputError, match=r"variant q8 was verified at masks only.*take variant 'fp32'"):
        FillMask(tmp_path / "m", variant="q8", threads=1).marginals("the cat", masked=False)


def test_an_alphabet_that_no_tokenizer_takes_is_refused(protein):
    with pytest.raises(InputError, match=r"alphabet: the text holds the lone surrogate U\+D800"):
        protein.marginals(WILD, alphabet=["A", "\ud800"])
