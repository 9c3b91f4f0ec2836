"""The four scores of a mutant beside brute force in numpy."""

import numpy as np
import pytest

from fillmask import InputError
from fillmask.tasks.mutants import Mutation, parse_mutant
from tests.support.proteins import WILD, load_protein, log_prob, put

FILLS = ["wild", "mask", "mutant", "match"]


@pytest.fixture(scope="module")
def protein(tmp_path_factory):
    return load_protein(tmp_path_factory.mktemp("models") / "protein")


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
    with pytest.raises(InputError, match=r"fill 'mask' masks the mutated positions.*read them masked"):
        protein.marginals(WILD, masked=False).variants(["K2R"], fill="mask")
    long = protein.marginals("A" * 15, truncation="window")
    assert long.variants(["A1C"]).shape == (1,)
    with pytest.raises(InputError, match="was read in windows; take fill 'wild'"):
        long.variants(["A1C"], fill="mutant")


def test_a_mutant_is_its_positions_and_indices_into_the_alphabet():
    letters = {"A": 0, "M": 1, "##K": 2}
    assert parse_mutant("M5A:##K6M", ["M", "##K"], letters, 5) == (Mutation(0, 1, 0), Mutation(1, 2, 1))
    assert parse_mutant(" M-1A ", ["M"], letters, -1) == (Mutation(0, 1, 0),)
