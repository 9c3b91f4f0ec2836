"""Why a run may not be believed. Such a run is written with its reasons, and its numbers are not printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.harness.stats import Ratio, ratio

HALF_WIDTH = 0.05
FOREIGN = 0.05
STEAL = 0.02
LOAD = 0.5
DRIFT = 1.10
_WINDOWS = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a run leaves to be judged by.

    Attributes:
        context: As ``machine.context`` gives it.
        watch: As ``machine.Watch.found`` gives it.
        controls: By case, the ratio of a contender to itself, entered twice.
        rounds: By case, one value a round that must not drift: of what is compared, the ratio, since what slows a
            machine for a while slows both its sides.
        failures: By contender, why one failed without which there is nothing to say.
        gate: Why accuracy lets no speed be said, if so.
    """

    context: Mapping[str, Any]
    watch: Mapping[str, float]
    controls: Mapping[str, Ratio] = field(default_factory=dict)
    rounds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    gate: str | None = None


def judge(evidence: Evidence, profile: str) -> tuple[list[str], dict[str, list[str]]]:
    """Why a run may not be believed, and by case why that may not where the others may.

    Each case is a race of its own. A quick run may be of code that is not committed.
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


def narrow(ours: Sequence[float], twin: Sequence[float]) -> bool:
    """Whether a contender entered twice says little enough of the noise; a contender that failed has nothing to add.

    More rounds until it does are no way to a wished-for result: it knows nothing of other contenders.
    """
    return not ours or len(ours) != len(twin) or ratio(ours, twin).half_width <= HALF_WIDTH


def settled_by(ours: str, twin: str) -> Callable[[Mapping[str, Sequence[float]]], bool]:
    """Whether the rounds of a contender and its twin are narrow, for ``play``."""
    return lambda values: narrow(values.get(ours, []), values.get(twin, []))


def drift(values: Sequence[float]) -> float:
    """Largest over least median of three windows that the rounds make, one after the other."""
    windows = [float(np.median(window)) for window in np.array_split(values, _WINDOWS) if window.size]
    return max(windows) / min(windows)


def _machine(watch: Mapping[str, float]) -> list[str]:
    bounds = {"foreign": FOREIGN, "steal": STEAL, "load_before": LOAD}
    said = {
        "foreign": "of the machine's time went to other processes",
        "steal": "of the machine's time went to its host",
        "load_before": "cores were busy before the start",
    }
    return [
        f"{watch[name]:.3g} {said[name]}, more than {bound}" for name, bound in bounds.items() if watch[name] > bound
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
        return ["the code is in no git repository, so that nobody can tell what was measured"]
    return ["the code has changes that are not committed"] if context["dirty"] else []
