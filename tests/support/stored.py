"""Stored predictions in a folder of toy variants, right or wrong ones."""

from fillmask import FillMask
from tests.support import toys

TEXT = "the [MASK] sat on the mat."


def store_predictions(folder, wrong=()):
    """Store one text's predictions for fp32 and int8; those of the wrong variants are off by 0.5."""
    entries = {}
    for name in ("fp32", "int8"):
        (row,) = FillMask(folder, variant=name, threads=1).predict(TEXT)
        scores = [(each.score + 0.5) % 1 if name in wrong else each.score for each in row]
        stored = {"text": TEXT, "tokens": [each.token for each in row], "scores": scores}
        entries[name] = {"file": f"model_{name}.onnx", "tolerance": 1e-4, "expected": [stored], "batch_invariant": True}
    toys.write_manifest(folder, variants=entries)
