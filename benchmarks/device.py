"""The devices that contenders run on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """Where contenders run, and in what precision.

    Attributes:
        name: Of the device: ``--device``.
        provider: ONNX Runtime's name of it.
        torch: PyTorch's name of it.
        torch_precision: What PyTorch computes in.
        precision: The variant of fillmask that is measured, besides fp32.
    """

    name: str
    provider: str
    torch: str
    torch_precision: str
    precision: str

    @property
    def is_cpu(self) -> bool:
        """Whether the suites measure as on a CPU; the stand-in measures as on a GPU."""
        return self.name == "cpu"

    @property
    def ours(self) -> str:
        """The contender that the goals are about."""
        return f"fillmask-{self.precision}"

    @property
    def again(self) -> str:
        """Its control: the same contender a second time."""
        return f"{self.ours}-again"


CPU = Device("cpu", "CPUExecutionProvider", "cpu", "fp32", "int8")
DEVICES = {
    "cpu": CPU,
    # CUDA_VISIBLE_DEVICES chooses among several.
    "cuda": Device("cuda", "CUDAExecutionProvider", "cuda", "fp16", "fp16"),
    # Runs everything that "cuda" runs on the CPU provider, to try it out; PyTorch is slow in fp16 there.
    "stand-in": Device("stand-in", "CPUExecutionProvider", "cpu", "fp32", "fp16"),
}
