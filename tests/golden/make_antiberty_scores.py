"""Write ``antiberty.json``: ``python -m tests.golden.make_antiberty_scores``.

AntiBERTy's own runner gives the pseudo-log-likelihoods of sequences: the mean over the residues, with the softmax over
the residues alone, since it sets the logits of special tokens to minus infinity. The wheel of 0.1.3 holds the weights.

    python -m venv scores
    scores/bin/pip install torch==2.13.0 'transformers<5'
    scores/bin/pip install --no-deps antiberty==0.1.3
    scores/bin/python -m tests.golden.make_antiberty_scores
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import torch
from antiberty import AntiBERTyRunner

FILE = Path(__file__).parent / "antiberty.json"
PACKAGES = ("antiberty", "torch", "transformers")
# Of its README: a heavy chain from the beginning, pieces of it, a light chain's beginning, and what is no antibody.
SEQUENCES = [
    "EVQLVQSGPEVKKPGTSVKVSCKASGFTFMSSAVQWVRQARGQRLEWIGWIVIGSGNTNYAQKFQERVTITRD",
    "EVQLVQSG",
    "CAAPYCSSISCNDGFDIWGQGTMVTVS",
    "DVVMTQTPFSLPVSLGDQASISCRSSQSLVHSNG",
    "MKTAYIAKQR",
    "W",
]


def main() -> None:
    """Score the sequences."""
    torch.set_num_threads(1)
    runner = AntiBERTyRunner()
    cases = []
    for sequence in SEQUENCES:
        mean = float(runner.pseudo_log_likelihood([sequence], batch_size=16)[0])
        cases.append({"sequence": sequence, "mean_log_prob": mean})
    made_with = {package: version(package) for package in PACKAGES}
    FILE.write_text(json.dumps({"made_with": made_with, "cases": cases}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
