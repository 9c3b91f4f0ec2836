"""What the export stage raises.

::

    FillMaskError (of the engine)
    └── ExportError (ValueError)
        ├── CheckpointError    a checkpoint that is refused, and why
        └── FidelityError      a variant whose answers are too far from the checkpoint's
"""

from __future__ import annotations

from fillmask.errors import FillMaskError


class ExportError(FillMaskError, ValueError):
    """An export cannot be done or was not finished."""


class CheckpointError(ExportError):
    """The checkpoint cannot be exported."""


class FidelityError(ExportError):
    """A variant's answers are too far from the checkpoint's; it was not written."""
