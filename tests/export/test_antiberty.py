"""AntiBERTy, as export/README.md says to export it: a real model whose wheel holds its weights as a pickle."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

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
