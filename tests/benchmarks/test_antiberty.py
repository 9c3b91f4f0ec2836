import numpy as np
import pytest

from benchmarks.models.antiberty import chains

GERMLINES = """
raise RuntimeError("this file is read, never run")
HUMAN_IMGT_IG_V = {'H': {'aligned_sequences': {'IGHV1-1*01': 'QV-QL', 'IGHV1-1*02': 'QV-QM', 'IGHV2-1*01': 'EVK--'}}}
HUMAN_IMGT_IG_J = {'H': {'aligned_sequences': {'IGHJ1*01': '--WGQ'}}}
"""


def test_chains_are_made_of_both_genes_and_numbered_by_gene():
    made = chains(GERMLINES, np.random.default_rng(0))
    assert [gene for gene, _ in made] == [0, 0, 1]
    for (_, sequence), start in zip(made, ("QVQL", "QVQM", "EVK"), strict=True):
        assert sequence.startswith(start)
        assert sequence.endswith("WGQ")
        assert len(start) + 3 < len(sequence) <= len(start) + 3 + 8


def test_a_file_without_germlines_is_refused():
    with pytest.raises(ValueError, match="HUMAN_IMGT_IG_V"):
        chains("x = {}", np.random.default_rng(0))
