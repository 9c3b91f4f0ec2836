"""The folders of a model, and their description for a record."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
BUILT = Path(__file__).parents[2] / "build" / "benchmarks"


@dataclass(frozen=True, slots=True)
class ModelFolders:
    """A model in the forms that contenders read.

    Attributes:
        name: ``"minilm"``, …
        checkpoint: As transformers loads it.
        optimum: ``model.onnx`` and ``model_quantized.onnx`` as optimum makes them, with the tokenizer.
        artifact: As ``fillmask export`` makes it: fp32 and int8, or for a GPU fp32 and fp16.
        trained: Whether the weights are trained, so that accuracy means something.
        texts: Texts of the model's language, one a line; None where fillmask's English sentences serve.
    """

    name: str
    checkpoint: Path
    optimum: Path
    artifact: Path
    trained: bool
    texts: Path | None = None

    @property
    def openvino(self) -> Path:
        """``model.xml`` in int8, as NNCF makes it of optimum's export."""
        return self.optimum.with_name("openvino")

    @property
    def manifest(self) -> dict[str, Any]:
        """The artifact's."""
        found: dict[str, Any] = json.loads((self.artifact / "fillmask.json").read_text(encoding="utf-8"))
        return found

    def described(self) -> dict[str, Any]:
        """For a record: hashes of the weights and of the graphs made of them."""
        manifest = self.manifest
        graphs = {name: manifest["files"][variant["file"]]["sha256"] for name, variant in manifest["variants"].items()}
        return {
            "checkpoint": self.checkpoint.name if self.trained else "random weights",
            "sha256": sha256_of(self.checkpoint),
            "trained": self.trained,
            "architecture": manifest["architecture"],
            "vocab_size": manifest["vocab_size"],
            "artifact": graphs,
        }


def open_tokenizer(artifact: Path) -> Any:  # noqa: ANN401 -- tokenizers has no types
    """The tokenizer of an artifact, which neither truncates nor pads."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(artifact / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def sha256_of(checkpoint: Path) -> str:
    """Of a checkpoint's weights.

    Raises:
        FileNotFoundError: It has none.
    """
    found = [checkpoint / name for name in _WEIGHTS if (checkpoint / name).exists()]
    if not found:
        raise FileNotFoundError(f"{checkpoint} holds none of {', '.join(_WEIGHTS)}")
    digest = hashlib.sha256()
    with found[0].open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
