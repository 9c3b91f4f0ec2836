"""Large products of PyTorch on the device: the most that is measured there, and what the device is."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.contenders.gpu_ import Device, dtype_of

_SIZES = {True: (4096, 8192), False: (256, 512)}
_ASKED = "name,driver_version,clocks.sm,utilization.gpu,memory.used,memory.total"


def sizes(device: Device) -> tuple[int, ...]:
    """Of the square matrices; a GPU is only busy with large ones."""
    return _SIZES[device.is_gpu]


class Products:
    """Products of square matrices.

    Args:
        device: Where they are made.
    """

    def __init__(self, device: Device) -> None:
        self._device, self._matrices = device, dict[int, Any]()
        self.settings = describe(device)

    def prepare_run(self, size: int) -> Callable[[], object]:
        """One product, 2 ``size``³ operations, which is done when the function returns."""
        import torch

        if size not in self._matrices:
            torch.manual_seed(0)
            drawn = torch.randn(2, size, size, device=self._device.torch, dtype=dtype_of(self._device))
            self._matrices[size] = drawn.unbind()
        first, second = self._matrices[size]
        wait = partial(torch.cuda.synchronize, self._device.device_id) if self._device.is_gpu else bool
        return lambda: (torch.matmul(first, second), wait())


def describe(device: Device) -> dict[str, Any]:
    """What a record says of the device."""
    import torch

    said: dict[str, Any] = {"provider": device.provider, "torch": torch.__version__}
    if device.is_gpu:
        found = torch.cuda.get_device_properties(device.device_id)
        said |= {"name": found.name, "memory_gb": round(found.total_memory / 1e9, 1), "cuda": torch.version.cuda}
        said["nvidia-smi"] = _nvidia_smi(device.device_id)
    return said


def _nvidia_smi(device_id: int) -> str | None:
    """Its line of the GPU, if that program is there: who else keeps the GPU busy shows in it."""
    command = ["nvidia-smi", f"--id={device_id}", f"--query-gpu={_ASKED}", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
