"""Products of square matrices, the peak of a device: ONNX Runtime's on a CPU, PyTorch's on a GPU.

Of ONNX Runtime's products the second matrix is packed beforehand.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.device import Device

_OPSET = 18
_DOMAIN = "com.microsoft"
_QUERY = "name,driver_version,clocks.sm,utilization.gpu,memory.used,memory.total"


def product(precision: str, size: int, threads: int) -> Callable[[], object]:
    """A product of ``size`` × ``size`` matrices.

    Args:
        precision: ``"fp32"``; or ``"int8"``: uint8 rows times int8 weights of 7 bits, whose sums overflow nowhere.
        size: Of both matrices.
        threads: Of one run.

    Returns:
        Runs it once: 2 ``size``³ operations.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session: Any = ort.InferenceSession(
        _graph(precision, size).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    rows = _rows(precision, size)
    return lambda: session.run(None, {"rows": rows})


def torch_product(device: Device, size: int) -> Callable[[], object]:
    """A product of PyTorch of ``size`` × ``size`` matrices in the device's precision.

    Returns:
        Runs it once: 2 ``size``³ operations, done when it returns.
    """
    import torch

    dtype = torch.float16 if device.torch_precision == "fp16" else torch.float32
    torch.manual_seed(0)
    first, second = torch.randn(2, size, size, device=device.torch, dtype=dtype).unbind()
    wait: Callable[[], object] = torch.cuda.synchronize if device.torch == "cuda" else lambda: None
    return lambda: (torch.matmul(first, second), wait())


def describe(device: Device) -> dict[str, Any]:
    """The device, for a record; of a GPU with what else keeps it busy."""
    import torch

    found: dict[str, Any] = {"provider": device.provider, "torch": torch.__version__}
    if device.torch == "cuda":
        gpu = torch.cuda.get_device_properties(0)
        found |= {"name": gpu.name, "memory_gb": round(gpu.total_memory / 1e9, 1), "cuda": torch.version.cuda}
        command = ["nvidia-smi", f"--query-gpu={_QUERY}", "--format=csv,noheader"]
        try:
            found["nvidia-smi"] = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            found["nvidia-smi"] = None
    return found


def _rows(precision: str, size: int) -> NDArray[Any]:
    rng = np.random.default_rng(0)
    if precision == "int8":
        return rng.integers(0, 256, (size, size), dtype=np.uint8)
    return rng.standard_normal((size, size), dtype=np.float32)


def _graph(precision: str, size: int) -> Any:  # noqa: ANN401 -- onnx gives a message of its own
    from onnx import TensorProto, helper

    dtype = TensorProto.UINT8 if precision == "int8" else TensorProto.FLOAT
    given = helper.make_tensor_value_info("rows", dtype, [size, size])
    made = helper.make_tensor_value_info("product", TensorProto.FLOAT, [size, size])
    node, constants = _int8(size) if precision == "int8" else _fp32(size)
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_DOMAIN, 1)]
    return helper.make_model(helper.make_graph([node], "product", [given], [made], constants), opset_imports=opsets)


def _fp32(size: int) -> tuple[Any, list[Any]]:
    from onnx import helper

    weights = np.random.default_rng(1).standard_normal((size, size), dtype=np.float32)
    return helper.make_node("MatMul", ["rows", "weights"], ["product"]), [_constant("weights", weights)]


def _int8(size: int) -> tuple[Any, list[Any]]:
    """As the graphs of fillmask have it: one scale for the rows, one for each column of the weights."""
    from onnx import helper

    weights = np.random.default_rng(1).integers(-64, 64, (size, size), dtype=np.int8)
    constants = [
        _constant("weights", weights),
        _constant("scale", np.float32(0.02)),
        _constant("column_scale", np.full(size, 0.01, dtype=np.float32)),
        _constant("zero_point", np.uint8(128)),
    ]
    names = ["rows", "weights", "scale", "column_scale", "zero_point"]
    return helper.make_node("MatMulIntegerToFloat", names, ["product"], domain=_DOMAIN), constants


def _constant(name: str, values: Any) -> Any:  # noqa: ANN401 -- onnx's type
    from onnx import numpy_helper

    return numpy_helper.from_array(np.asarray(values), name)
