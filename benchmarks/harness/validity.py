"""The reasons why a run is invalid. Its record keeps them, and the pages do not print its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fillmask.bench.ratios import Ratio, paired_ratio

HALF_WIDTH = 0.05
FOREIGN = 0.05
STEAL = 0.02
LOAD = 0.5
DRIFT = 1.10
_WINDOWS = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the validity of a run follows from.

    Attributes:
        context: As ``machine.context`` returns it.
        watch: As ``machine.Watch.found`` returns it.
        controls: By case, the ratio of a contender to itself.
        rounds: By case, one value a round that must not drift. It is a ratio, since what slows a machine for a while
            slows both its sides.
        failures: By contender that the suite needs, why it failed.
        gate: Why accuracy allows no speeds, or None.
    """

    context: Mapping[str, Any]
    watch: Mapping[str, float]
    controls: Mapping[str, Ratio] = field(default_factory=dict)
    rounds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    gate: str | None = None


def judge(evidence: Evidence, profile: str) -> tuple[list[str], dict[str, list[str]]]:
    """Why a run is invalid; and if it is valid, the cases that are not settled with their reasons.

    Each case is a comparison of its own. Where no case is settled, the run is invalid. A quick run may be of code that
    is not committed.
    """
    reasons, unsettled = _whole(evidence, profile), _noise(evidence)
    if evidence.controls and unsettled.keys() >= evidence.controls.keys():
        return reasons + [f"{case}: {why}" for case, all_ in unsettled.items() for why in all_], {}
    return reasons, unsettled


def _whole(evidence: Evidence, profile: str) -> list[str]:
    found = _machine(evidence.watch)
    found += [f"{name} failed: {why}" for name, why in evidence.failures.items()]
    found += [evidence.gate] if evidence.gate else []
    if profile == "full":
        found += _code(evidence.context)
    return found


def narrow(ours: Sequence[float], again: Sequence[float]) -> bool:
    """Whether the control of a contender is narrow enough; a contender that failed adds nothing.

    Adding rounds until it is cannot bias a result: the stopping rule looks only at the control.
    """
    return not ours or len(ours) != len(again) or paired_ratio(ours, again).half_width <= HALF_WIDTH


def drift(values: Sequence[float]) -> float:
    """The largest over the smallest median of the first, second and last third of the rounds."""
    windows = [float(np.median(window)) for window in np.array_split(values, _WINDOWS) if window.size]
    return max(windows) / min(windows)


def _machine(watch: Mapping[str, float]) -> list[str]:
    bounds = {"foreign": FOREIGN, "steal": STEAL, "load_before": LOAD}
    texts = {
        "foreign": "of the machine's time went to other processes",
        "steal": "of the machine's time went to its host",
        "load_before": "cores were busy before the start",
    }
    return [
        f"{watch[name]:.3g} {texts[name]}, more than {bound}" for name, bound in bounds.items() if watch[name] > bound
    ]


def _noise(evidence: Evidence) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for case, control in evidence.controls.items():
        if control.half_width > HALF_WIDTH:
            wide = f"±{control.half_width:.1%}, more than {HALF_WIDTH:.0%}"
            found.setdefault(case, []).append(f"the interval of a contender beside itself is {wide}")
    for case, values in evidence.rounds.items():
        if drift(values) > DRIFT:
            drifted = f"{drift(values):.2f} over the rounds, more than {DRIFT}"
            found.setdefault(case, []).append(f"values drifted by {drifted}")
    return found


def _code(context: Mapping[str, Any]) -> list[str]:
    if context["git_commit"] is None:
        return ["the code is in no git repository, so what was measured is unknown"]
    return ["the code has changes that are not committed"] if context["dirty"] else []
