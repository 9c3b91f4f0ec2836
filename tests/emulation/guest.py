"""Runs on the emulated machine: reads ``{"model", "texts", "verify"}`` from standard input, prints the predictions."""

from __future__ import annotations

import json
import platform
import sys

from fillmask import FillMask
from fillmask.verification import verify

_TOP_K = 50
_CHECKED = ("variant", "max_score_difference", "tolerance", "passed", "batch_texts", "batch_difference")
_BATCH_TEXTS = 8


def main() -> None:
    """Predict for each text, and verify the artifact if the request says so."""
    request = json.load(sys.stdin)
    fill_mask = FillMask(request["model"], threads=1)
    predictions = [
        {prediction.token: prediction.score for prediction in fill_mask.predict(text, top_k=_TOP_K)[0]}
        for text in request["texts"]
    ]
    checks = verify(request["model"], batch_texts=_BATCH_TEXTS) if request["verify"] else []
    found = [{name: getattr(check, name) for name in _CHECKED} for check in checks]
    json.dump({"machine": platform.machine(), "predictions": predictions, "checks": found}, sys.stdout)


if __name__ == "__main__":
    main()
