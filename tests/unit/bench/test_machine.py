"""The machine, and the memory of a variant in a process of its own."""

import sys

import pytest

from fillmask import FillMaskError
from fillmask.artifact.folder import EMBEDDED
from fillmask.bench import machine


@pytest.mark.skipif(sys.platform != "linux", reason="/proc says it")
def test_memory_is_that_of_a_process_with_the_model_not_of_this_one():
    ballast = bytearray(300_000_000)
    peak = machine.peak_memory(EMBEDDED, "int8", "the [MASK] sat.")
    assert 30_000_000 < peak < len(ballast)


def test_a_process_that_cannot_predict_is_reported(native_folder):
    with pytest.raises(FillMaskError, match=r"cannot predict with variant fp32: .*No mask_token"):
        machine.peak_memory(native_folder, "fp32", "no mask")
