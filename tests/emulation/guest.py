"""Runs on the emulated machine: reads ``{"model", "texts", "verify"}`` from standard input, prints the predictions."""

from __future__ import annotations

import json
import platform
import sys

from fillmask import FillMask
from fillmask.verification import verify

_TOP_K = 50
_CHECKED = ("variant", "max_score_difference", "tolerance", "passed")


def main() -> None:
    """Predict for each text, and verify the artifact if the request says so."""
    request = json.load(sys.stdin)
    fill_mask = FillMask(request["model"], threads=1)
    predictions = [
        {prediction.token: prediction.score for prediction in fill_mask.predict(text, top_k=_TOP_K)[0]}
        for text in request["texts"]
    ]
    checks = (
        [{name: getattr(check, name) for name in _CHECKED} for check in verify(request["model"])]
        if request["verify"]
        else []
    )
    json.dump({"machine": platform.machine(), "predictions": predictions, "checks": checks}, sys.stdout)


if __name__ == "__main__":
    main()
