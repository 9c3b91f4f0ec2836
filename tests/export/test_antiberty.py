"""AntiBERTy, as export/README.md says to export it: a real model whose wheel holds its weights as a pickle."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fillmask import FillMask

pytest.importorskip("torch")
pytestmark = pytest.mark.slow

HEAVY_CHAIN = "E V Q L V E S G G [MASK] L V Q P G G S L R L S C A A S G F T F S"
SETTINGS = {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "model_max_length": 512}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("antiberty")
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "antiberty==0.1.3", "--dest", folder]
    if subprocess.run(download, check=False, capture_output=True).returncode:
        pytest.skip("no package index to take antiberty from")
    (wheel,) = folder.glob("antiberty-*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "wheel")
    models = folder / "wheel" / "antiberty" / "trained_models"
    made = folder / "checkpoint"
    made.mkdir()
    for path in ("AntiBERTy_md_smooth/config.json", "AntiBERTy_md_smooth/pytorch_model.bin", "vocab.txt"):
        shutil.copy(models / path, made)
    (made / "tokenizer_config.json").write_text(json.dumps(SETTINGS))
    return made


@pytest.fixture(scope="module")
def artifact(checkpoint, tmp_path_factory) -> Path:
    from fillmask_export import Plan, export

    out = tmp_path_factory.mktemp("artifact") / "antiberty"
    export(checkpoint, out, allow_pickle=True, plan=Plan(masks=300))
    return out


def test_without_leave_its_pickle_is_refused(checkpoint, tmp_path):
    from fillmask_export import CheckpointError, export

    with pytest.raises(CheckpointError, match="--allow-pickle"):
        export(checkpoint, tmp_path / "out")


def test_both_variants_predict_as_pytorch_does(artifact):
    variants = json.loads((artifact / "fillmask.json").read_text())["variants"]
    assert variants["fp32"]["fidelity"]["max_score_difference"] <= 1e-5
    assert variants["int8"]["fidelity"]["mean_kl"] <= 0.01


@pytest.mark.parametrize("variant", ["fp32", "int8"])
def test_it_knows_the_first_framework_of_a_heavy_chain(artifact, variant):
    (best,) = FillMask(artifact, variant=variant).predict(HEAVY_CHAIN, top_k=1)
    assert best[0].token_str == "G"
    assert best[0].score > 0.8


# Beside AntiBERTy's own runner

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "antiberty.json").read_text("utf-8"))["cases"]


@pytest.fixture(scope="module")
def model(artifact):
    return FillMask(artifact, variant="fp32", threads=1)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["sequence"][:10])
def test_the_matrix_has_the_pseudo_log_likelihood_of_the_runner(model, case):
    """The runner takes the mean over residues, and the softmax over the residues alone."""
    found = model.marginals(" ".join(case["sequence"]))
    assert found.tokens == tuple(case["sequence"])
    own = found.log_probs[range(len(found.tokens)), [found.alphabet.index(token) for token in found.tokens]]
    everything = np.log(np.exp(found.log_probs.astype(np.float64)).sum(axis=1))
    assert (own - everything).mean() == pytest.approx(case["mean_log_prob"], abs=1e-4)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["sequence"][:10])
def test_the_score_is_the_diagonal_of_the_matrix_and_at_most_that_of_the_runner(model, case):
    text = " ".join(case["sequence"])
    score, found = model.score(text, method="original"), model.marginals(text)
    own = found.log_probs[range(len(found.tokens)), [found.alphabet.index(token) for token in found.tokens]]
    assert score.log_prob == pytest.approx(own.sum(dtype=np.float64), abs=1e-5 * len(own))
    assert score.log_prob / len(own) <= case["mean_log_prob"] + 1e-4
    assert model.score(text).log_prob == score.log_prob  # each residue is a word


def test_all_fills_agree_on_single_mutants_and_the_wild_type_scores_0(model):
    found = model.marginals(" ".join(GOLDEN[4]["sequence"]))
    mutants = ["M1A", "K2R", "R10W", "A7A"]
    scores = [found.variants(mutants, fill=fill) for fill in ("wild", "mask", "mutant", "match")]
    np.testing.assert_allclose(scores, np.tile(scores[0], (4, 1)), atol=1e-4)
    assert scores[0][3] == 0
