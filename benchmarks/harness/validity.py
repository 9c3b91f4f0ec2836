"""The reasons why a run is invalid. Its record keeps them, and the pages do not print its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fillmask.bench.ratios import paired_ratio

if TYPE_CHECKING:
    from benchmarks.harness.result import SuiteResult

HALF_WIDTH = 0.05
DRIFT = 1.10
_WINDOWS = 3
# By what the watch on the machine finds, the most that is allowed and its description.
_BOUNDS = {
    "foreign": (0.05, "of the machine's time went to other processes"),
    "steal": (0.02, "of the machine's time went to its host"),
    "load_before": (0.5, "cores were busy before the start"),
}


def judge(
    context: Mapping[str, Any], watch: Mapping[str, float], result: SuiteResult, profile: str
) -> tuple[list[str], dict[str, list[str]]]:
    """Why a run is invalid; and if it is valid, the cases that are not settled with their reasons.

    Each case is a comparison of its own. Where no case is settled, the run is invalid. A quick run may be of code that
    is not committed.

    Args:
        context: As ``machine.context`` returns it.
        watch: As ``machine.Watch.found`` returns it.
        result: What was measured.
        profile: ``"quick"`` or ``"full"``.
    """
    reasons = [f"{watch[name]:.3g} {what}, more than {most}" for name, (most, what) in _BOUNDS.items()
               if watch[name] > most]  # fmt: skip
    reasons += [f"{name} failed: {why}" for name, why in result.failures.items()]
    reasons += [result.gate] if result.gate else []
    reasons += _code(context) if profile == "full" else []
    unsettled = _noise(result)
    if result.controls and unsettled.keys() >= result.controls.keys():
        return reasons + [f"{case}: {why}" for case, all_ in unsettled.items() for why in all_], {}
    return reasons, unsettled


def narrow(ours: Sequence[float], again: Sequence[float]) -> bool:
    """Whether the control of a contender is narrow enough; a contender that failed adds nothing.

    Adding rounds until it is cannot bias a result: the stopping rule looks only at the control.
    """
    return not ours or len(ours) != len(again) or paired_ratio(ours, again).half_width <= HALF_WIDTH


def drift(values: Sequence[float]) -> float:
    """The largest over the smallest median of the first, second and last third of the rounds."""
    windows = [float(np.median(window)) for window in np.array_split(values, _WINDOWS) if window.size]
    return max(windows) / min(windows)


def _noise(result: SuiteResult) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for case, control in result.controls.items():
        if control.half_width > HALF_WIDTH:
            wide = f"±{control.half_width:.1%}, more than {HALF_WIDTH:.0%}"
            found.setdefault(case, []).append(f"the interval of a contender beside itself is {wide}")
    for case, values in result.rounds.items():
        if drift(values) > DRIFT:
            drifted = f"{drift(values):.2f} over the rounds, more than {DRIFT}"
            found.setdefault(case, []).append(f"values drifted by {drifted}")
    return found


def _code(context: Mapping[str, Any]) -> list[str]:
    if context["git_commit"] is None:
        return ["the code is in no git repository, so what was measured is unknown"]
    return ["the code has changes that are not committed"] if context["dirty"] else []
