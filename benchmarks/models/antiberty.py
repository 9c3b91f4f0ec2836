"""AntiBERTy and antibody sequences, both from the package index.

Its wheel holds no sequences but two in its description. abnumber's holds the human germline genes, as data in a Python
file that is read here and not run: a V gene, some residues drawn at random as the junction, and a J gene make a chain.
"""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np

_ANTIBERTY = "antiberty==0.1.3"
_MODELS = "antiberty/trained_models"
_FILES = ("AntiBERTy_md_smooth/config.json", "AntiBERTy_md_smooth/pytorch_model.bin", "vocab.txt")
_SETTINGS = {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "model_max_length": 512}
_GERMLINES = "abnumber==0.4.4"
_RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
_JUNCTION = 8  # residues at most


def fetch_checkpoint(folder: Path) -> Path:
    """Put the checkpoint together as export/README.md does."""
    wheel = _unpack(_ANTIBERTY, folder.parent / "wheels")
    folder.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        shutil.copy(wheel / _MODELS / name, folder)
    (folder / "tokenizer_config.json").write_text(json.dumps(_SETTINGS))
    return folder


def write_sequences(folder: Path) -> tuple[Path, Path]:
    """Write chains to calibrate on and others to judge on, one a line; no gene is in both."""
    source = _unpack(_GERMLINES, folder / "wheels") / "abnumber" / "germlines.py"
    rng = np.random.default_rng(0)
    lines: tuple[list[str], list[str]] = ([], [])
    for gene, sequence in chains(source.read_text(encoding="utf-8"), rng):
        lines[gene % 2].append(" ".join(sequence))
    paths = folder / "calibration.txt", folder / "germline-chains.txt"
    for path, texts in zip(paths, lines, strict=True):
        rng.shuffle(texts)
        path.write_text("\n".join(texts) + "\n")
    return paths


def chains(source: str, rng: np.random.Generator) -> list[tuple[int, str]]:
    """The chains that the V genes of a file of germlines make, each with the number of its gene.

    Args:
        source: Python that sets ``HUMAN_IMGT_IG_V`` and ``HUMAN_IMGT_IG_J`` to dictionaries, by kind of chain, with
            ``aligned_sequences`` by allele such as ``"IGHV1-2*01"``.
        rng: Draws junctions and J genes.
    """
    v_genes, j_genes = _assigned(source, "HUMAN_IMGT_IG_V"), _assigned(source, "HUMAN_IMGT_IG_J")
    names = sorted({allele.split("*")[0] for kind in v_genes.values() for allele in kind["aligned_sequences"]})
    made = []
    for kind, germlines in v_genes.items():
        ends = list(j_genes[kind]["aligned_sequences"].values())
        for allele, start in germlines["aligned_sequences"].items():
            junction = "".join(rng.choice(list(_RESIDUES), rng.integers(1, _JUNCTION, endpoint=True)))
            sequence = start + junction + str(rng.choice(ends))
            made.append((names.index(allele.split("*")[0]), sequence.replace("-", "")))
    return made


def _assigned(source: str, name: str) -> dict[str, dict[str, dict[str, str]]]:
    """The literal that a file of Python assigns to a name, without running the file."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == name for to in node.targets):
            literal: dict[str, dict[str, dict[str, str]]] = ast.literal_eval(node.value)
            return literal
    raise ValueError(f"the source assigns nothing to {name}")


def _unpack(requirement: str, folder: Path) -> Path:
    """Download a wheel with pip and unpack it.

    Returns:
        The folder of its content.
    """
    name = requirement.partition("==")[0]
    target = folder / name
    if not target.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", requirement, "--dest", str(folder)]
        subprocess.run(command, check=True)
        (wheel,) = folder.glob(f"{name}-*.whl")
        zipfile.ZipFile(wheel).extractall(target)
    return target
