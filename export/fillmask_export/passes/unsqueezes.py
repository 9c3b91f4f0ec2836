"""Join Unsqueezes in a row, which the traces of optimum have where PyTorch adds two axes by an index."""

from __future__ import annotations

import onnx_ir as ir
from onnxscript.rewriter import RewriteRuleSet
from onnxscript.rewriter.rules.common import unsqueeze_unsqueeze_rule

from fillmask_export.passes.graph import tidy

_RULES = RewriteRuleSet([unsqueeze_unsqueeze_rule])


def join_unsqueezes(model: ir.Model) -> str:
    """Replace each Unsqueeze of an Unsqueeze by one with the axes of both, in place.

    Returns:
        How many were joined.
    """
    joined = _RULES.apply_to_model(model)
    tidy(model)
    return f"{joined} joined"
