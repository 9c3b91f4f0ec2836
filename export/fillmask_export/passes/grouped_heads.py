"""Find keys and values before they were repeated for the heads that share them.

In grouped attention several heads of queries share one head of keys and values. A traced graph repeats keys and values
for each head of queries. ONNX's Attention operator reads the shared ones itself.
"""

from __future__ import annotations

import onnx_ir as ir

from fillmask_export.passes.graph import array_of
from fillmask_export.shapes import Shapes


def shared_heads(value: ir.Value, shapes: Shapes) -> ir.Value | None:
    """The tensor ``[b, g, s, d]`` of which ``[b, h, s, d]`` repeats each head ``h / g`` times in a row; else None."""
    spread = _inputs_of(value, "Reshape")
    single = _inputs_of(spread, "Expand")
    shared = _inputs_of(single, "Unsqueeze")
    if spread is None or single is None or shared is None:
        return None
    axes = array_of(single.producer().inputs[1])  # type: ignore[union-attr]
    before, after = shapes.get(str(shared.name), ()), shapes.get(str(value.name), ())
    wide = shapes.get(str(spread.name), ())
    if axes is None or axes.tolist() != [2] or len(before) != 4 or (*wide[:2], *wide[3:]) != before:
        return None
    return shared if after[0] == before[0] and after[2:] == before[2:] else None


def _inputs_of(value: ir.Value | None, op_type: str) -> ir.Value | None:
    """The first input of the node that makes a tensor, if it is of a kind."""
    node = value.producer() if value is not None else None
    return node.inputs[0] if node is not None and node.op_type == op_type else None
