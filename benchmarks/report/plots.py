"""The plots: SVG, identical for identical records, readable on light and dark pages."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.contenders import AGAIN, REFERENCE, precision_of
from benchmarks.harness.records import Record, Row
from benchmarks.report.cells import flat, in_rounds
from benchmarks.report.results import Results
from fillmask.bench.ratios import median_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

_RESAMPLES = 2000
_NAME_HEIGHT = 0.038  # of the axis
_GREY = "#808080"  # as far from white as from black
_COLOURS = {
    "fillmask": "#e8590c",
    REFERENCE: "#228be6",
    "optimum": "#12a150",
    "openvino": "#ae3ec9",
    "faster-clip": "#a58a00",
    "floor": _GREY,
}
_STYLE = {
    "svg.hashsalt": "fillmask",
    "svg.fonttype": "none",  # letters, not outlines: a third of the bytes, and they can be searched for
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": _GREY,
    "axes.labelcolor": _GREY,
    "axes.edgecolor": _GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _GREY,
    "ytick.color": _GREY,
    "grid.color": _GREY,
    "grid.alpha": 0.25,
    "axes.grid": True,
    "axes.axisbelow": True,
    "figure.constrained_layout.use": True,
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """One file.

    Attributes:
        name: Of the file, without its ending.
        title: What it shows.
        needed: Suite and model of every record that it shows.
        draw: Puts them on axes.
        cpu_kind: Of the records.
    """

    name: str
    title: str
    needed: tuple[tuple[str, str], ...]
    draw: Callable[..., None]
    cpu_kind: str = ""

    def on(self, cpu_kind: str) -> Drawing:
        """The same of the records of a kind of CPU."""
        if not cpu_kind:
            return self
        return replace(
            self, name=f"{self.name}-{cpu_kind.lower()}", title=f"{self.title}, {cpu_kind}", cpu_kind=cpu_kind
        )

    def records(self, results: Results) -> list[Record]:
        """The records, or none where one of them is missing or may not be printed."""
        found = [results.find(suite, model, cpu_kind=self.cpu_kind) for suite, model in self.needed]
        return [] if None in found else [record for record in found if record is not None]

    def source(self, results: Results) -> str:
        """Names and hashes of what it is made of, which the file keeps."""
        return "; ".join(f"{record.name} {results.digests[record.name]}" for record in self.records(results))


def drawings(results: Results) -> list[Drawing]:
    """Those for which there are records, on each kind of CPU."""
    found = [drawing.on(kind) for drawing in _DRAWINGS for kind in results.cpu_kinds]
    return [drawing for drawing in found if drawing.records(results)]


def write(results: Results, folder: Path) -> list[Path]:
    """Draw all for which there are records, and remove the others."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.svg"):
        path.unlink()
    drawn = []
    for drawing in drawings(results):
        with mpl.rc_context({**mpl.rcParamsDefault, **_STYLE, "backend": "svg"}):  # type: ignore[dict-item]
            figure = Figure(figsize=(7, 4.2))
            axes = figure.subplots()
            drawing.draw(axes, *drawing.records(results))
            axes.set_title(drawing.title, loc="left", fontsize=11)
            metadata = {"Date": None, "Creator": None, "Description": drawing.source(results)}
            drawn.append(folder / f"{drawing.name}.svg")
            figure.savefig(drawn[-1], format="svg", transparent=True, metadata=metadata)
    return drawn


def latency_by_tokens(axes: Axes, latency: Record) -> None:
    """A line for each contender, both axes logarithmic, with the intervals of the medians."""
    rows = [row for row in _shown(latency) if list(row.case) == ["tokens"]]
    ticks, ends = sorted({row.case["tokens"] for row in rows}), []
    for name in dict.fromkeys(row.contender for row in rows):
        line = sorted((row.case["tokens"], *_interval(row)) for row in rows if row.contender == name)
        tokens, middle, below, above = zip(*line, strict=True)
        axes.errorbar(tokens, middle, yerr=[below, above], capsize=2, lw=1.6, marker="o", ms=3.5, **_look(name))
        ends.append((middle[-1], name))
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    _plain(axes.yaxis)
    axes.set_xlabel("tokens")
    axes.set_ylabel("ms, median of the calls")
    _name_ends(axes, ticks[-1], ends)


def accuracy_by_latency(axes: Axes, latency: Record, accuracy: Record) -> None:
    """A point for each contender: the time of a text of 128 tokens, and the share of right tokens.

    Of a model that has learned nothing it is the share of tokens that PyTorch names as well.
    """
    measure = "accuracy" if accuracy.params["trained"] else "same first"
    shares = {row.contender: flat(row)[0] for row in accuracy.rows if row.case == {"measure": measure} and row.samples}
    times = {row.contender: row for row in _shown(latency) if row.case == {"tokens": 128}}
    points = sorted((*_interval(row), name) for name, row in times.items() if name in shares)
    for number, (middle, below, above, name) in enumerate(points):
        share = shares[name] * 100
        axes.errorbar(middle, share, xerr=[[below], [above]], capsize=2, marker="o", ms=6, **_look(name))
        # By turns above and below: those as exact as each other stand on one line.
        axes.annotate(name, (middle, share), xytext=(0, -16 if number % 2 else 9), textcoords="offset points",
                      ha="center", color=_colour(name), fontsize=9)  # fmt: skip
    axes.set_xscale("log")
    axes.margins(x=0.15, y=0.25)
    _plain(axes.xaxis)
    axes.set_xlabel("ms for a text of 128 tokens, median of the calls")
    axes.set_ylabel(f"{measure}, % of {accuracy.params['masks']} masks")


def throughput_of_all(axes: Axes, throughput: Record) -> None:
    """Two bars for each contender, one by one and in batches, from zero."""
    rows = [row for row in _shown(throughput) if "way" in row.case]
    names = list(dict.fromkeys(row.contender for row in rows))
    for row in rows:
        middle, below, above = _interval(row)
        batches = row.case["way"] == "batches"
        place = names.index(row.contender) + (0.2 if batches else -0.2)
        axes.barh(place, middle, 0.36, color=_colour(row.contender), alpha=1 if batches else 0.5,
                  xerr=[[below], [above]], error_kw={"ecolor": _GREY, "capsize": 2, "lw": 1})  # fmt: skip
        axes.annotate(f"{middle:,.0f} {row.case['way']}", (middle + above, place), xytext=(4, 0), fontsize=8,
                      textcoords="offset points", va="center")  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.2)
    axes.set_xlabel("texts a second, median of the rounds")


def _shown(record: Record) -> list[Row]:
    """Rows with numbers, without the control."""
    return [row for row in record.rows if row.samples and row.contender != AGAIN]


def _interval(row: Row) -> tuple[float, float, float]:
    """The median, and how far its 95 % interval, from resampled rounds, reaches below and above it."""
    rounds = [statistics.median(each) for each in row.samples] if in_rounds(row.samples) else flat(row)
    low, high = median_interval(rounds, resamples=_RESAMPLES)
    middle = statistics.median(flat(row))
    return middle, max(middle - low, 0.0), max(high - middle, 0.0)


def _colour(name: str) -> str:
    return next((colour for family, colour in _COLOURS.items() if name.startswith(family)), _GREY)


def _look(name: str) -> dict[str, Any]:
    """A colour for each family; what computes in fp32 is dashed."""
    return {"color": _colour(name), "ls": "--" if precision_of(name) == "fp32" else "-"}


def _plain(axis: Axis) -> None:
    """Numbers as people write them on a logarithmic axis."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _name_ends(axes: Axes, tokens: int, ends: Sequence[tuple[float, str]]) -> None:
    """Names behind the ends of the lines, moved apart where they would overlap."""
    low, high = np.log10(axes.get_ylim())
    placed = -np.inf
    for value, name in sorted(ends):
        placed = max(np.log10(value), placed + (high - low) * _NAME_HEIGHT)
        axes.annotate(name, (tokens, value), xytext=(tokens * 1.15, 10**placed), color=_colour(name), fontsize=9,
                      va="center", annotation_clip=False)  # fmt: skip


_DRAWINGS = (
    Drawing("latency-minilm", "minilm, one text on one thread", (("latency", "minilm"),), latency_by_tokens),
    *(
        Drawing(f"accuracy-{model}", f"{model}, accuracy and speed", (("latency", model), ("accuracy", model)),
                accuracy_by_latency) for model in ("minilm", "antiberty")
    ),
    Drawing("throughput-minilm", "minilm, sentences on two cores", (("throughput", "minilm"),), throughput_of_all),
)  # fmt: skip
