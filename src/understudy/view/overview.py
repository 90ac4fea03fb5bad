"""A dataset at a glance: bars and histograms on one picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from understudy.motion.files import atomic_path
from understudy.view.plots import AXES, BAD, INK, LINE, PLAIN

COLUMNS, BINS = 3, 40
LONGEST_NAME = 44


@dataclass(frozen=True)
class Bars:
    """Named amounts, drawn as lying bars from the top down; ``bad`` colours them as faults."""

    title: str
    amounts: Mapping[str, float]
    unit: str
    bad: bool = False


@dataclass(frozen=True)
class Histogram:
    """How values are distributed; what lies beyond the 99th percentile is counted in the last bin. ``limit`` is a line
    not to be crossed."""

    title: str
    values: Sequence[float]
    unit: str
    limit: float | None = None


def overview(path: str | Path, title: str, panels: Sequence[Bars | Histogram]) -> None:
    """Draw the panels row by row into a picture file; its ending (.png, .svg, .pdf) chooses the kind."""
    rows = max(1, -(-len(panels) // COLUMNS))
    with matplotlib.rc_context(AXES):
        figure = Figure(figsize=(4.4 * COLUMNS, 2.5 * rows + 0.5), layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK)
        cells = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
        for cell in cells[len(panels) :]:
            cell.axis("off")
        for cell, panel in zip(cells, panels, strict=False):
            _draw_bars(cell, panel) if isinstance(panel, Bars) else _draw_histogram(cell, panel)
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=110)


def _draw_bars(axes: Axes, panel: Bars) -> None:
    names = [n if len(n) <= LONGEST_NAME else n[: LONGEST_NAME - 1] + "…" for n in panel.amounts]
    amounts = list(panel.amounts.values())
    places = list(range(len(names)))
    axes.barh(places, amounts, color=BAD if panel.bad else PLAIN, height=0.7)
    axes.set_ylim(max(len(names), 4) - 0.5, -0.5)
    axes.set_yticks([])
    for place, name, amount in zip(places, names, amounts, strict=True):
        inside = amount > 0.5 * max(amounts)
        axes.text(
            0.01 * max(amounts) if inside else amount + 0.015 * max(amounts),
            place,
            f"{name}  {amount:,.0f}" if amount >= 100 else f"{name}  {amount:.3g}",
            va="center",
            color="white" if inside else INK,
            fontsize=8,
        )
    axes.set_title(f"{panel.title}  ({panel.unit})", loc="left", fontsize=9)
    axes.set_xticks([])
    axes.spines[:].set_visible(False)


def _draw_histogram(axes: Axes, panel: Histogram) -> None:
    values = np.asarray(panel.values, dtype=float)
    axes.tick_params(length=0)
    if values.max() == values.min():
        axes.set_title(f"{panel.title}  ({panel.unit})", loc="left", fontsize=9)
        axes.text(0.5, 0.5, f"{values[0]:.3g} in all {len(values):,} clips", ha="center", color=INK)
        axes.axis((0, 1, 0, 1))
        axes.set_xticks([])
        axes.set_yticks([])
        return
    top = float(np.quantile(values, 0.99))
    low, top = float(values.min()), top if top > values.min() else float(values.max())
    if panel.limit is not None and low < panel.limit < values.max():
        top = max(top, 1.1 * panel.limit)
    edges = np.linspace(low, top, BINS + 1)
    axes.hist(np.minimum(values, edges[-1]), bins=list(edges), color=PLAIN)
    axes.axvline(float(np.median(values)), color=INK, linewidth=1.0)
    if panel.limit is not None and edges[0] <= panel.limit <= edges[-1]:
        axes.axvline(panel.limit, color=BAD, linewidth=1.0, linestyle=(0, (4, 3)))
    axes.set_title(f"{panel.title}, median {np.median(values):.3g}  ({panel.unit})", loc="left", fontsize=9)
    axes.locator_params(axis="y", integer=True, nbins=4)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
