"""fillmask: fill-mask inference without PyTorch.

``FillMask()`` loads the embedded English model, ``FillMask("folder")`` loads another one.
The package imports its modules when they are first used, so ``import fillmask`` is fast.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

# From 1.32 on, ONNX Runtime sends telemetry, also on Linux, and stores unsent events in the user's cache. It reads this
# variable when it is imported; runtime/session.py turns telemetry off if that happened before.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from fillmask.artifact.publishing import push_to_hub
    from fillmask.errors import (
        ArtifactError,
        CandidatesError,
        FillMaskError,
        ForkError,
        InputError,
        IntegrityError,
        JobError,
        NoMaskError,
        ProviderError,
        ProviderWarning,
        TargetsError,
        TargetWarning,
        TextError,
        TooLongError,
        TopKError,
        TruncationWarning,
        UnknownWarning,
        UnusedWarning,
    )
    from fillmask.files.batch import batch
    from fillmask.pipeline import FillMask
    from fillmask.results import Results
    from fillmask.tasks.classify import Label
    from fillmask.tasks.filled import FilledPrediction
    from fillmask.tasks.infill import Fill, Infill
    from fillmask.tasks.marginals import Marginals
    from fillmask.tasks.predict import Prediction
    from fillmask.tasks.prior import Prior
    from fillmask.tasks.rank import Ranked
    from fillmask.tasks.score import Score, ScoredToken, ScoredWord
    from fillmask.transformers_shape import PredictionDict

__all__ = [
    "ArtifactError",
    "CandidatesError",
    "Fill",
    "FillMask",
    "FillMaskError",
    "FilledPrediction",
    "ForkError",
    "Infill",
    "InputError",
    "IntegrityError",
    "JobError",
    "Label",
    "Marginals",
    "NoMaskError",
    "Prediction",
    "PredictionDict",
    "Prior",
    "ProviderError",
    "ProviderWarning",
    "Ranked",
    "Results",
    "Score",
    "ScoredToken",
    "ScoredWord",
    "TargetWarning",
    "TargetsError",
    "TextError",
    "TooLongError",
    "TopKError",
    "TruncationWarning",
    "UnknownWarning",
    "UnusedWarning",
    "batch",
    "push_to_hub",
]

_MODULES = {
    "Fill": "fillmask.tasks.infill",
    "FillMask": "fillmask.pipeline",
    "FilledPrediction": "fillmask.tasks.filled",
    "Infill": "fillmask.tasks.infill",
    "Label": "fillmask.tasks.classify",
    "Marginals": "fillmask.tasks.marginals",
    "Prediction": "fillmask.tasks.predict",
    "PredictionDict": "fillmask.transformers_shape",
    "Prior": "fillmask.tasks.prior",
    "Ranked": "fillmask.tasks.rank",
    "Results": "fillmask.results",
    "Score": "fillmask.tasks.score",
    "ScoredToken": "fillmask.tasks.score",
    "ScoredWord": "fillmask.tasks.score",
    "batch": "fillmask.files.batch",
    "push_to_hub": "fillmask.artifact.publishing",
}


def __getattr__(name: str) -> object:
    """Import the module that defines ``name``."""
    if name not in __all__:
        raise AttributeError(f"module 'fillmask' has no attribute {name!r}")
    return getattr(import_module(_MODULES.get(name, "fillmask.errors")), name)


def __dir__() -> list[str]:
    """Name what completion offers: the public names, also before they are imported."""
    return [*__all__, *(name for name in globals() if name.startswith("__"))]
