"""Runs on the emulated machine: reads ``{"model", "texts"}`` from standard input, prints the answers."""

from __future__ import annotations

import json
import platform
import sys

from fillmask import FillMask
from fillmask.verification import verify

_BEST = 50
_CHECKED = ("variant", "max_score_difference", "tolerance", "passed")


def main() -> None:
    """Answer the texts, and verify the artifact."""
    asked = json.load(sys.stdin)
    fill_mask = FillMask(asked["model"], threads=1)
    answers = [
        {prediction.token: prediction.score for prediction in fill_mask.predict(text, top_k=_BEST)[0]}
        for text in asked["texts"]
    ]
    checks = (
        [{name: getattr(check, name) for name in _CHECKED} for check in verify(asked["model"])]
        if asked["verify"]
        else []
    )
    json.dump({"machine": platform.machine(), "answers": answers, "checks": checks}, sys.stdout)


if __name__ == "__main__":
    main()
