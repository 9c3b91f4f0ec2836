"""The errors of the export stage.

::

    FillMaskError (of the engine)
    └── ExportError (ValueError)
        ├── CheckpointError    the checkpoint is refused
        └── FidelityError      a variant is too far from the checkpoint
"""

from __future__ import annotations

from fillmask.errors import FillMaskError


class ExportError(FillMaskError, ValueError):
    """An export cannot start, or was not finished."""


class CheckpointError(ExportError):
    """The checkpoint cannot be exported."""


class FidelityError(ExportError):
    """A variant's predictions are too far from the checkpoint's; it was not written."""
