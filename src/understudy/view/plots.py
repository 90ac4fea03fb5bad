"""Curves of one robot clip, each drawn as an SVG text that can stand inside a page."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import matplotlib
import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

PLAIN, HUMAN, BAD = "#34597f", "#d6603e", "#c8323c"
INK, FAINT, LINE = "#262b33", "#6b7480", "#d9dde2"
WIDTH = 9.6
"""Width of a figure in inches, at 72 points each."""
MOST_POINTS = 1200
AXES: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": LINE,
    "axes.labelcolor": FAINT,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
}
"""What all figures share."""
_STYLE: dict[Any, Any] = AXES | {
    "svg.fonttype": "none",
    "svg.hashsalt": "understudy",
    "legend.frameon": False,
    "lines.linewidth": 1.3,
}
_LOADS = ["#f4f6f8", "#b9d3e6", "#5b93bd", "#2c5a87", "#f2a33a"]
_HEAT = LinearSegmentedColormap.from_list("load", _LOADS).with_extremes(over=BAD)


@dataclass(frozen=True, eq=False)
class Curve:
    """One line of a panel: a name, values by frame, a colour."""

    name: str
    values: Float[np.ndarray, "time"]
    colour: str


@dataclass(frozen=True, eq=False)
class Panel:
    """Curves that share an axis.

    ``bars`` mark frames along the top, by colour; ``limit`` is a line to stay below or above; with
    ``at_least`` the axis runs from zero to at least that; ``worst`` is the frame of the first curve to point
    at.
    """

    title: str
    unit: str
    curves: tuple[Curve, ...]
    bars: tuple[tuple[str, Bool[np.ndarray, "time"]], ...] = ()
    limit: float | None = None
    at_least: float | None = None
    worst: int | None = None


def curves(panels: Sequence[Panel], fps: float) -> str:
    """Panels below each other over one time axis (s)."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, 1.45 * len(panels) + 0.35), layout="constrained")
        rows = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, panel in zip(rows, panels, strict=True):
            _draw_panel(axes, panel, fps)
        rows[-1].set_xlabel("time in s")
        return _svg(figure)


def joint_positions(
    names: Sequence[str],
    joint_pos: Float[np.ndarray, "time dof"],
    lower: Float[np.ndarray, "dof"],
    upper: Float[np.ndarray, "dof"],
    fps: float,
) -> str:
    """Every joint (rad) in a small frame of its own, between its hardware limits."""
    columns = 5
    rows = -(-len(names) // columns)
    with matplotlib.rc_context({**_STYLE, "font.size": 7.5, "lines.linewidth": 1.0}):
        figure = Figure(figsize=(WIDTH, 1.12 * rows + 0.2), layout="constrained")
        cells = figure.subplots(rows, columns, sharex=True, squeeze=False).ravel()
        for cell in cells[len(names) :]:
            cell.axis("off")
        for i, (cell, name) in enumerate(zip(cells, names, strict=False)):
            _draw_joint(
                cell, name.removesuffix("_joint"), joint_pos[:, i], (float(lower[i]), float(upper[i])), fps
            )
        return _svg(figure)


def joint_speeds(
    names: Sequence[str], share: Float[np.ndarray, "time dof"], fps: float, most: float = 1.0
) -> str:
    """Speed of every joint over time as a share of its motor's; more than ``most`` is red."""
    bins = min(len(share), 800)
    edges = np.linspace(0, len(share), bins + 1).astype(int)
    # A bin shows its fastest frame, so that no peak is lost in a long clip.
    peaks = np.maximum.reduceat(share, edges[:-1], axis=0)
    with matplotlib.rc_context({**_STYLE, "font.size": 7.5}):
        figure = Figure(figsize=(WIDTH, 0.145 * len(names) + 0.7), layout="constrained")
        axes = figure.subplots()
        picture = axes.imshow(
            peaks.T,
            aspect="auto",
            interpolation="nearest",
            cmap=_HEAT,
            vmin=0,
            vmax=most,
            extent=(0, max(len(share) - 1, 1) / fps, len(names) - 0.5, -0.5),
        )
        axes.set_yticks(range(len(names)), [n.removesuffix("_joint") for n in names])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("time in s")
        bar = figure.colorbar(picture, ax=axes, extend="max", pad=0.01, aspect=32)
        bar.outline.set_visible(False)
        bar.set_label("share of the motor's top speed")
        return _svg(figure)


def strips(frames: Mapping[str, Bool[np.ndarray, "time"]], colour: Callable[[str], str], fps: float) -> str:
    """When each of some things is so, over time (s): a row for each name, in its colour."""
    with matplotlib.rc_context({**_STYLE, "font.size": 8}):
        figure = Figure(figsize=(WIDTH, 0.2 * len(frames) + 0.55), layout="constrained")
        axes = figure.subplots()
        for row, (name, so) in enumerate(frames.items()):
            axes.axhspan(row - 0.36, row + 0.36, color=LINE, alpha=0.3, linewidth=0)
            runs = [(start / fps, (end - start) / fps) for start, end in _runs(so)]
            axes.broken_barh(runs, (row - 0.36, 0.72), color=colour(name), linewidth=0)
        axes.set_yticks(range(len(frames)), [name.replace("_", " ") for name in frames])
        axes.set_ylim(len(frames) - 0.5, -0.5)
        axes.set_xlim(0, max(len(next(iter(frames.values()))), 1) / fps)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("time in s")
        return _svg(figure)


def thinned(values: Float[np.ndarray, "time"], most: int = MOST_POINTS) -> np.ndarray:
    """Which frames to draw so that no peak is lost: the lowest and the highest of every bin, in order."""
    if len(values) <= most:
        return np.arange(len(values))
    edges = np.linspace(0, len(values), most // 2 + 1).astype(int)
    known = np.nan_to_num(values)
    bins = list(pairwise(edges))
    lowest = [a + known[a:b].argmin() for a, b in bins]
    highest = [a + known[a:b].argmax() for a, b in bins]
    return np.unique([0, *lowest, *highest, len(values) - 1])


def series(report: Mapping, name: str) -> Float[np.ndarray, "time"] | None:
    """A report's per-frame series as an array, gaps as NaN; None if the report has none of that name."""
    values = (report.get("series") or {}).get(name)
    if values is None or len(values) == 0:
        return None
    return np.array([np.nan if v is None else v for v in values], dtype=float)


def _draw_panel(axes: Axes, panel: Panel, fps: float) -> None:
    for row, (colour, frames) in enumerate(panel.bars):
        for start, end in _runs(frames):
            top = 1.0 - 0.07 * row
            axes.axvspan(start / fps, end / fps, top - 0.055, top, color=colour, alpha=0.55, linewidth=0)
    for curve in panel.curves:
        rows = thinned(curve.values)
        axes.plot(rows / fps, curve.values[rows], color=curve.colour, label=curve.name)
    if panel.limit is not None:
        axes.axhline(panel.limit, color=BAD, linewidth=0.8, linestyle=(0, (4, 3)))
    if panel.worst is not None:
        value = panel.curves[0].values[panel.worst]
        axes.plot(panel.worst / fps, value, "o", color=BAD, markersize=4.5)
        axes.annotate(
            f"{value:.3g}",
            (panel.worst / fps, value),
            (5, 0),
            textcoords="offset points",
            color=BAD,
            va="center",
        )
    axes.set_title(f"{panel.title}  ({panel.unit})", loc="left", fontsize=9)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.margins(x=0.005, y=0.22 if panel.bars else 0.12)
    if panel.at_least is not None:
        axes.set_ylim(0, max(axes.get_ylim()[1], panel.at_least))
    axes.tick_params(length=0)
    if len(panel.curves) > 1:
        axes.legend(loc="upper right", ncols=4, fontsize=8, borderaxespad=0, bbox_to_anchor=(1.0, 1.28))


def _draw_joint(axes: Axes, name: str, values: np.ndarray, limits: tuple[float, float], fps: float) -> None:
    low, high = limits
    room = 0.08 * (high - low)
    bottom, top = min(low - room, values.min()), max(high + room, values.max())
    axes.axhspan(bottom, low, color=BAD, alpha=0.10, linewidth=0)
    axes.axhspan(high, top, color=BAD, alpha=0.10, linewidth=0)
    for limit in limits:
        axes.axhline(limit, color=BAD, linewidth=0.6, alpha=0.7)
    outside = bool((values < low - 1e-4).any() or (values > high + 1e-4).any())
    rows = thinned(values, 300)
    axes.plot(rows / fps, values[rows], color=BAD if outside else PLAIN)
    axes.set_ylim(bottom, top)
    axes.set_title(name, loc="left", fontsize=7.5, pad=2, color=BAD if outside else INK)
    axes.tick_params(length=0, labelsize=6.5)
    axes.locator_params(axis="y", nbins=3)
    axes.margins(x=0)


def _runs(frames: Bool[np.ndarray, "time"]) -> list[tuple[int, int]]:
    """First frame and end of every run of true values."""
    edges = np.diff(np.concatenate([[0], np.asarray(frames, np.int8), [0]]))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))


def _svg(figure: Figure) -> str:
    """The figure as an SVG element alone, without the file's head and metadata."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]
