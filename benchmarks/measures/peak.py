"""Products of square matrices in ONNX Runtime, the peak of a CPU; the second matrix is packed beforehand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
# As the graphs of fillmask have them: of int8 one scale for the rows, one for each column of the weights.
_GRAPHS = {
    "fp32": "(float[s,s] rows) => (float[s,s] product) { product = MatMul(rows, weights) }",
    "int8": "(uint8[s,s] rows) => (float[s,s] product) "
    "{ product = com.microsoft.MatMulIntegerToFloat(rows, weights, scale, column_scale, zero_point) }",
}


def product(precision: str, size: int, threads: int) -> Callable[[], object]:
    """A product of ``size`` × ``size`` matrices.

    Args:
        precision: ``"fp32"``; or ``"int8"``: uint8 rows times int8 weights of 7 bits, whose sums overflow nowhere.
        size: Of both matrices.
        threads: Of one run.

    Returns:
        Runs it once: 2 ``size``³ operations.
    """
    from onnx import numpy_helper, parser

    rows, constants = arrays(precision, size)
    opsets = '<ir_version: 10, opset_import: ["": 18, "com.microsoft": 1]>'
    model = parser.parse_model(f"{opsets} product {_GRAPHS[precision]}")
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in constants.items())
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session: Any = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"rows": rows})


def arrays(precision: str, size: int) -> tuple[NDArray[Any], Arrays]:
    """The rows of a product, and its constants by name."""
    rng, of_weights = np.random.default_rng(0), np.random.default_rng(1)
    if precision == "fp32":
        weights = of_weights.standard_normal((size, size), dtype=np.float32)
        return rng.standard_normal((size, size), dtype=np.float32), {"weights": weights}
    return rng.integers(0, 256, (size, size), dtype=np.uint8), {
        "weights": of_weights.integers(-64, 64, (size, size), dtype=np.int8),
        "scale": np.array(0.02, dtype=np.float32),
        "column_scale": np.full(size, 0.01, dtype=np.float32),
        "zero_point": np.array(128, dtype=np.uint8),
    }
