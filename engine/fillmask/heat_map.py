"""Draws the matrix of ``marginals`` as a heat map; needs ``fillmask[plot]``."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fillmask.errors import InputError
from fillmask.extras import lacks
from fillmask.files.whole_file import check_writable, write_whole
from fillmask.tasks.marginals import Marginals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

FORMATS = (".svg", ".png")
_COLUMNS = 80  # positions of a panel; a longer text has several panels, one below the other
_MOST_LETTERS = 64
_MOST_PANELS = 64
_CELL = 0.16  # inches
_COLUMN = 0.34  # inches of a column with a word below it
_SMALL = 7  # points
# Of the differences from the own token; larger ones have the color of the largest.
_SHOWN = 98  # percent


def check_plot(path: Path) -> None:
    """Refuse a file that ``draw_heat_map`` cannot write, before the model runs.

    Raises:
        InputError: Its name ends in neither ``.svg`` nor ``.png``, it cannot be written, or matplotlib is missing.
    """
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path}: a plot is a file .svg or .png")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.absolute().parent}")
    try:
        check_writable(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise InputError(lacks("a plot", "matplotlib", "plot")) from error
    assert mpl


def draw_heat_map(marginals: Marginals, path: str | Path, *, offset: int = 1) -> None:
    """Write a heat map: a column for each position, a row for each token of the alphabet.

    If the alphabet has all tokens of the text, a color is the log probability of a token minus that of the text's own
    token. Else it is the log probability. A dot marks the text's own token.

    Args:
        marginals: The matrix.
        path: A file ``.svg`` or ``.png``, which is written completely or not at all. The same matrix gives the same
            bytes.
        offset: The number of the first position.

    Raises:
        InputError: The file cannot be written, matplotlib is not installed, or the matrix is too large to look at.
    """
    path = Path(path)
    check_plot(path)
    import matplotlib as mpl

    figure, drawn = make_figure(marginals, offset), BytesIO()
    suffix = path.suffix.lower()
    with mpl.rc_context({"svg.hashsalt": "fillmask"}):
        figure.savefig(drawn, format=suffix[1:], dpi=150, metadata={"Date": None} if suffix == ".svg" else None)
    try:
        write_whole(path, drawn.getvalue())
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error


def values_of(marginals: Marginals) -> tuple[NDArray[np.float64], str]:
    """What the colors show, ``float64[n, A]`` in nats, and its name."""
    log_probs = marginals.log_probs.astype(np.float64)
    own = _own(marginals)
    if None in own:
        return log_probs, "log p (nats)"
    at_own = log_probs[range(len(own)), [index for index in own if index is not None]]
    with np.errstate(invalid="ignore"):  # what a model rules out may be -inf - -inf, which is drawn as nothing
        odds = log_probs - at_own[:, None]
    return odds, "log p − log p of the own token ● (nats)"


def make_figure(marginals: Marginals, offset: int = 1) -> Figure:
    """Make the heat map, for callers that change it or show it.

    Raises:
        InputError: The matrix is too large to look at.
    """
    from matplotlib.figure import Figure

    positions, letters = marginals.log_probs.shape
    panels = [range(start, min(start + _COLUMNS, positions)) for start in range(0, positions, _COLUMNS)]
    _check_size(positions, letters, len(panels))
    wide = _has_words(marginals)
    width = max(4.5, min(_COLUMNS, positions) * (_COLUMN if wide else _CELL) + 2)
    height = letters * _CELL + (1.3 if wide else 0.75)
    figure = Figure(figsize=(width, len(panels) * height + 0.3), layout="constrained")
    drawn = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    for axes, panel in zip(drawn, panels, strict=True):
        mesh = _draw_panel(axes, marginals, panel, offset)
    bar = figure.colorbar(mesh, ax=list(drawn), extend="both", fraction=0.05, pad=0.01, aspect=30, shrink=0.9)
    bar.set_label(values_of(marginals)[1], fontsize=_SMALL + 1)
    bar.ax.tick_params(labelsize=_SMALL)
    return figure


def _check_size(positions: int, letters: int, panels: int) -> None:
    if letters > _MOST_LETTERS:
        raise InputError(f"a heat map shows at most {_MOST_LETTERS} tokens, the alphabet has {letters}; name a smaller")
    if panels > _MOST_PANELS:
        raise InputError(f"a heat map shows at most {_MOST_PANELS * _COLUMNS} positions, the text has {positions}")


def _own(marginals: Marginals) -> list[int | None]:
    """For each position the index of its own token in the alphabet."""
    letters = {letter: index for index, letter in enumerate(marginals.alphabet)}
    return [letters.get(token) for token in marginals.tokens]


def _has_words(marginals: Marginals) -> bool:
    return max(map(len, marginals.tokens)) > 1


def _draw_panel(axes: Axes, marginals: Marginals, panel: range, offset: int) -> QuadMesh:
    values, _ = values_of(marginals)
    low, high, colors = _scale(values, centered=None not in _own(marginals))
    # Panels have the same width, so that columns stand below each other.
    columns = len(panel) if len(marginals.tokens) <= _COLUMNS else _COLUMNS
    shown = np.full((values.shape[1], columns), np.nan)
    shown[:, : len(panel)] = values[panel.start : panel.stop].T
    edges = np.arange(columns + 1) + panel.start + offset - 0.5, np.arange(values.shape[1] + 1) - 0.5
    mesh = axes.pcolormesh(*edges, shown, cmap=colors, vmin=low, vmax=high, edgecolors="white", linewidth=0.3)
    own = _own(marginals)
    dots = [(index + offset, letter) for index in panel if (letter := own[index]) is not None]
    axes.scatter([number for number, _ in dots], [letter for _, letter in dots], s=6, color="black", linewidths=0)
    axes.invert_yaxis()
    axes.set_facecolor("white")
    for side in axes.spines.values():
        side.set_visible(False)
    _label(axes, marginals, panel, offset)
    return mesh


def _scale(values: NDArray[np.float64], *, centered: bool) -> tuple[float, float, str]:
    """The ends of the colors and their map; differences have white in the middle, at 0."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return -1.0, 0.0, "viridis"
    if not centered:
        return float(np.percentile(finite, 100 - _SHOWN)), float(finite.max()), "viridis"
    most = float(np.percentile(np.abs(finite), _SHOWN)) or 1.0
    return -most, most, "RdBu"


def _label(axes: Axes, marginals: Marginals, panel: range, offset: int) -> None:
    """Below each column its own token, above every fifth its number, beside each row its token."""
    numbers = [index + offset for index in panel]
    turned = 90 if _has_words(marginals) else 0
    tokens = [marginals.tokens[index] for index in panel]
    axes.set_xticks(numbers, labels=tokens, fontsize=_SMALL, parse_math=False, rotation=turned)
    axes.set_yticks(range(len(marginals.alphabet)), labels=marginals.alphabet, fontsize=_SMALL, parse_math=False)
    axes.tick_params(length=0, pad=2)
    above = axes.secondary_xaxis("top")
    above.set_xticks([number for number in numbers if number % 5 == 0 or number == numbers[0]])
    above.tick_params(labelsize=_SMALL, length=2, pad=1)
    above.spines["top"].set_visible(False)
