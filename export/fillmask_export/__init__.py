"""fillmask_export: an encoder to a masked LM, and a masked LM to an artifact the engine reads.

It needs ``pip install '.[export]'``.

Each part is imported on first use. The command line can therefore list ``fillmask export`` without PyTorch, and name
the missing package when the command runs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import fillmask  # noqa: F401 -- before ONNX Runtime, whose telemetry it turns off

if TYPE_CHECKING:
    from fillmask_export.errors import CheckpointError, ExportError, FidelityError
    from fillmask_export.exporting import export
    from fillmask_export.plan import Plan
    from fillmask_export.training.errors import TrainingError
    from fillmask_export.training.recipe import Recipe
    from fillmask_export.training.training import train
    from fillmask_export.variants import VARIANTS

__all__ = [
    "VARIANTS",
    "CheckpointError",
    "ExportError",
    "FidelityError",
    "Plan",
    "Recipe",
    "TrainingError",
    "export",
    "train",
]

_MODULES = {
    "Plan": "fillmask_export.plan",
    "Recipe": "fillmask_export.training.recipe",
    "TrainingError": "fillmask_export.training.errors",
    "VARIANTS": "fillmask_export.variants",
    "export": "fillmask_export.exporting",
    "train": "fillmask_export.training.training",
}


def __getattr__(name: str) -> object:
    """Import the part of the package that holds ``name``."""
    if name not in __all__:
        raise AttributeError(f"module 'fillmask_export' has no attribute {name!r}")
    return getattr(import_module(_MODULES.get(name, "fillmask_export.errors")), name)


def __dir__() -> list[str]:
    """Name what completion offers: the public names, also before they are imported."""
    return [*__all__, *(name for name in globals() if name.startswith("__"))]
