"""fillmask: fill-mask inference without PyTorch.

``FillMask()`` answers with the embedded English model, ``FillMask("folder")`` with a model of yours.
The package imports its parts when they are first used, so that ``import fillmask`` costs nothing.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

# From 1.32 on, ONNX Runtime reports its use to its makers, also on Linux, and keeps what it has not sent in a database
# in the user's cache. It reads this when it is imported; runtime/session.py turns it off where that happened before.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from fillmask.decoding import Prediction
    from fillmask.errors import (
        ArtifactError,
        FillMaskError,
        ForkError,
        InputError,
        IntegrityError,
        NoMaskError,
        ProviderError,
        ProviderWarning,
        TargetsError,
        TargetWarning,
        TextError,
        TooLongError,
        TopKError,
        TruncationWarning,
    )
    from fillmask.pipeline import FillMask

__all__ = [
    "ArtifactError",
    "FillMask",
    "FillMaskError",
    "ForkError",
    "InputError",
    "IntegrityError",
    "NoMaskError",
    "Prediction",
    "ProviderError",
    "ProviderWarning",
    "TargetWarning",
    "TargetsError",
    "TextError",
    "TooLongError",
    "TopKError",
    "TruncationWarning",
]

_HOMES = {"FillMask": "fillmask.pipeline", "Prediction": "fillmask.decoding"}


def __getattr__(name: str) -> object:
    """Import the part of the package that holds ``name``."""
    if name not in __all__:
        raise AttributeError(f"module 'fillmask' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "fillmask.errors")), name)
