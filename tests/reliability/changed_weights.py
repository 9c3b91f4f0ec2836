"""Weights that change under a loaded model: the next prediction is the same or refused, and the process lives on."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.reliability.row import Row, Scale
from tests.support import toys

SCRIPT = """
import os, sys
from pathlib import Path
from fillmask import FillMask, IntegrityError
folder, path, change, text = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], "the [MASK] sat on the mat."
fill_mask = FillMask(folder, variant="fp32", threads=1)
before = fill_mask.predict(text)
size, new = path.stat().st_size, path.with_name("new")
if change in ("emptied", "halved"):
    os.truncate(path, 0 if change == "emptied" else size // 2)
elif change in ("overwritten", "lengthened"):
    path.write_bytes(bytes(size) if change == "overwritten" else path.read_bytes() + b"x")
elif change == "replaced":
    new.write_bytes(bytes(size))
    os.replace(new, path)
else:
    path.unlink()
try:
    print("the same" if fill_mask.predict(text) == before else "another")
except IntegrityError:
    print("refused")
"""
CHANGES = ("emptied", "overwritten", "replaced", "halved", "lengthened", "removed")


def changed_weights(scale: Scale) -> Row:
    """Each change to the weights of a native and of a foreign folder."""
    cases = [(layout, change) for change in CHANGES for layout in ("native", "foreign")][: scale.count(12, least=3)]
    outcomes = [_outcome(layout, change) for layout, change in cases]
    counts = ", ".join(f"{outcomes.count(each)} {each}" for each in sorted({*outcomes}))
    passed = {*outcomes} <= {"the same", "refused"}
    return Row("files", "weights that change under a loaded model", "the same predictions or refused; none died",
               f"of {len(cases)}: {counts}", passed)  # fmt: skip


def _outcome(layout: str, change: str) -> str:
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home, "model")
        if layout == "native":
            weights = toys.write_weighty(folder) / "model_fp32.onnx_data"
        else:
            toys.move_weights_out(toys.write_foreign(folder) / "model.onnx", "model.onnx_data")
            weights = folder / "model.onnx_data"
        command = [sys.executable, "-c", SCRIPT, str(folder), str(weights), change]
        done = subprocess.run(command, capture_output=True, check=False, timeout=60, text=True)
    return "died" if done.returncode else done.stdout.strip()
