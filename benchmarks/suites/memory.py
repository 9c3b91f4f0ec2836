"""How much memory a contender holds, in fresh processes: as it starts, imports, loads, answers, and goes on answering.

Pages in memory count: RSS, PSS, and the peak of RSS. Of the long lives the growth is judged, beside that of a contender
which loses memory on purpose.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from benchmarks.contenders import AGAIN, FILLMASK, REFERENCE, precision_of
from benchmarks.harness.records import Row
from benchmarks.harness.suite import Asked, Found, suite_command
from benchmarks.measures.comparing import compare
from benchmarks.measures.lives import THREADS, Lives, after
from benchmarks.models.folders import ModelFolders

_CONTENDERS = (REFERENCE, "optimum-fp32", "optimum-int8", "fillmask-fp32", FILLMASK, AGAIN)
_LEAKING = "fillmask-int8, leaking"
_LEAK_BYTES = 4096
_SEEN = 0.7  # of a planted leak, at least; what is lost may first fill memory that was free


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is asked.

    Attributes:
        rounds: Processes of each contender.
        answers: Of each.
        begin: Answers from which growth is measured, in one process more of each.
        end: Answers up to which, of fillmask.
        end_of_others: Of the others, which take ten times as long.
    """

    rounds: int
    answers: int
    begin: int
    end: int
    end_of_others: int

    def end_of(self, name: str) -> int:
        """Of a contender."""
        return self.end if name.startswith("fillmask") else self.end_of_others


_PACES = {"quick": Pace(3, 50, 200, 1000, 400), "full": Pace(5, 50, 1000, 10_000, 2000)}


def measure(asked: Asked, folders: ModelFolders) -> Found:
    """Follow the lives of processes."""
    pace = _PACES[asked.profile]
    rounds, names = asked.rounds or pace.rounds, [name for name in _CONTENDERS if name in asked.contenders]
    found = Found(asdict(pace) | {"rounds": rounds, "threads": THREADS, "leak_bytes": _LEAK_BYTES,
                                  "tokens": "8 to 16, every fiftieth 128", "ratio": "MB over MB"})  # fmt: skip
    short = Lives(folders)
    short.watch(names * rounds, [pace.answers], "memory", {})
    for name in names:
        found.rows += short.rows(name, precision_of(name), ["start", "import", "load", after(1), after(pace.answers)])
    theirs = [name for name in names if not name.startswith("fillmask")]
    pairs = [(ours, other) for ours in (FILLMASK, "fillmask-fp32") for other in theirs]
    for stage, kind in (("load", "rss"), (after(1), "peak"), (after(pace.answers), "peak"), (after(1), "pss")):
        case = {"after": stage, "of": kind}
        compare(found, case, short.values(stage, kind), pairs=pairs, again=(FILLMASK, AGAIN))
    _grow(found, Lives(folders), [name for name in names if name != AGAIN], pace)
    return found


def _grow(found: Found, lives: Lives, names: list[str], pace: Pace) -> None:
    """Rows of one long life of each contender, and of one that leaks."""
    grown = {}
    for name in [*names, _LEAKING]:
        precision, end = precision_of(FILLMASK if name == _LEAKING else name), pace.end_of(name)
        lives.watch([name], [pace.begin, end], f"{name}, {after(end)}", {_LEAKING: (FILLMASK, _LEAK_BYTES)})
        found.rows += lives.rows(name, precision, [after(end)])
        if name not in lives.failed:
            (first,), (last,) = (lives.values(after(answers), "rss")[name] for answers in (pace.begin, end))
            grown[name] = last - first
            case = {"from": pace.begin, "to": end, "of": "growth"}
            found.rows.append(Row(name, precision, case, "MB", [grown[name]]))
    if FILLMASK in names:
        found.gate = unseen(grown, (pace.end - pace.begin) * _LEAK_BYTES / 1e6)


def unseen(grown: dict[str, float], planted: float) -> str | None:
    """Why the growths say nothing, or None: a planted leak, in MB, has to be seen in them."""
    if _LEAKING not in grown or FILLMASK not in grown:
        return "the control that loses memory, or what it is compared with, failed"
    seen = grown[_LEAKING] - grown[FILLMASK]
    return None if seen >= _SEEN * planted else f"of {planted:.3g} MB lost on purpose only {seen:.3g} MB were seen"


command = suite_command("memory", measure, "Follow the memory of fresh processes.")
