"""What is known of a loaded model, as properties of ``FillMask``."""

from __future__ import annotations

from fillmask.artifact.folder import Artifact
from fillmask.artifact.tokenizer import ModelTokenizer
from fillmask.model import Model


class Introspection:
    """Properties of a loaded model.

    Attributes:
        model: The loaded model.
    """

    model: Model

    @property
    def artifact(self) -> Artifact:
        """The model's folder."""
        return self.model.artifact

    @property
    def variant(self) -> str:
        """The variant in use."""
        return self.model.variant

    @property
    def tokenizer(self) -> ModelTokenizer:
        """The tokenizer's settings, for scripts that read ``pipe.tokenizer.mask_token`` as with transformers."""
        return self.model.tokenizer

    @property
    def mask_token(self) -> str:
        """The model's mask, as text."""
        return self.model.tokenizer.mask_token

    @property
    def mask_token_id(self) -> int:
        """The model's mask, as a token."""
        return self.model.tokenizer.mask_token_id

    @property
    def vocab_size(self) -> int:
        """Tokens that the model scores."""
        return self.model.vocab_size

    @property
    def max_length(self) -> int:
        """Tokens that the model takes, special tokens included."""
        return self.model.max_length

    @property
    def providers(self) -> list[str]:
        """ONNX Runtime's execution providers in use, the preferred one first."""
        return self.model.session.providers

    @property
    def on_gpu(self) -> bool:
        """Whether the preferred provider in use is a GPU's."""
        return self.model.session.on_gpu

    @property
    def nodes(self) -> dict[str, int]:
        """How many of the graph's nodes each provider runs; empty where ONNX Runtime does not report it (1.23)."""
        return self.model.session.nodes

    @property
    def threads(self) -> int:
        """Threads of one run."""
        return self.model.session.threads

    @property
    def batch_invariant(self) -> bool:
        """Whether texts may run together without changing each other's scores."""
        return self.model.batch_invariant
