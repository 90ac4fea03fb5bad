"""Pictures for ``benchmarks.non_convexity``, in the style of the report's figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, SymLogNorm
from matplotlib.figure import Figure

from understudy.kinematics.curvature import rotation_law
from understudy.view.contacts import LEFT, RIGHT
from understudy.view.plots import AXES, BAD, FAINT, HUMAN, INK, LINE, PLAIN

STYLE: dict[Any, Any] = AXES | {
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
}
OTHERS = ("#d6603e", "#7a5195", "#34597f", "#c8a23c", "#8a5a44", "#c277a9")
REST = "#e3e6ea"
MARKERS = ("o", "s", "*", "D", "v")


def reach(
    offsets: np.ndarray,
    found: Mapping[str, np.ndarray],
    bends: np.ndarray,
    distances: np.ndarray,
    sweep: tuple[np.ndarray, np.ndarray, np.ndarray, float],
    path: Path,
) -> None:
    """Full extension with the target before and beyond it, and maps over elbow bend and target distance."""
    lowest, total, length, most = sweep
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(12, 3.7), layout="constrained", dpi=100)
        first, second, third = figure.subplots(1, 3)
        first.axhline(0, color=LINE, linewidth=0.8)
        first.axvspan(0, offsets[-1], color=LINE, alpha=0.3, linewidth=0)
        first.fill_between(
            offsets, found["curvature"], found["largest"], color=HUMAN, alpha=0.15, linewidth=0
        )
        first.plot(offsets, found["curvature"], color=HUMAN, label="curvature part, least (and range)")
        first.plot(offsets, found["total"], color=PLAIN, label="total, least")
        first.plot(offsets, found["pose_total"], color=RIGHT, ls="--", label="total, pose on 7 joints")
        first.text(0.1, first.get_ylim()[0] * 0.93, "out of reach", color=FAINT, ha="center", fontsize=8)
        first.set_xlabel("target beyond the stretched wrist, m")
        first.set_ylabel("eigenvalue, m²/rad²")
        first.set_title("Full extension")
        first.legend(fontsize=8, loc="upper left")
        for axes, values, title in ((second, lowest, "Curvature part"), (third, total, "Total")):
            norm = SymLogNorm(1e-3, vmin=-0.15, vmax=0.15)
            picture = axes.pcolormesh(np.degrees(bends), distances, values.T, cmap="RdBu", norm=norm)
            axes.contour(np.degrees(bends), distances, values.T, levels=[-1e-6], colors=INK, linewidths=0.9)
            axes.plot(np.degrees(bends), length / most, color=INK, ls=":", label="the wrist: no residual")
            axes.set_xlabel("elbow bent from straight, °")
            axes.set_ylabel("target's distance / reach")
            axes.set_title(f"{title}: least eigenvalue")
            axes.legend(fontsize=8, loc="upper left")
        bar = figure.colorbar(picture, ax=[second, third], pad=0.01, aspect=30)
        bar.outline.set_visible(False)
        bar.set_label("m²/rad²")
        figure.savefig(path)


def logarithm(
    angles: np.ndarray,
    free: Sequence[np.ndarray],
    few: np.ndarray,
    turned: Mapping[str, Mapping[str, np.ndarray]],
    thresholds: tuple[Mapping[float, float], Mapping[float, float]],
    path: Path,
) -> None:
    """Eigenvalues over the error's angle: free, on the arm; and where uneven weights or coupling turn the total."""
    import torch

    degrees = np.degrees(angles)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(12, 3.7), layout="constrained", dpi=100)
        first, second, third = figure.subplots(1, 3)
        one, bent = (v.numpy() for v in rotation_law(torch.as_tensor(angles)))
        some = slice(None, None, 12)
        first.axhline(0, color=LINE, linewidth=0.8)
        for law, numeric, which, colour, name in (
            (one, free[0], 2, LEFT, "Gauss–Newton, across the axis"),
            (bent, free[1], 0, HUMAN, "curvature part, across"),
            (one + bent, free[2], 0, PLAIN, "total, across: (φ/2) cot(φ/2)"),
        ):
            first.plot(degrees, law, color=colour, label=name)
            first.plot(degrees[some], numeric[some, which], "o", color=colour, markersize=3.5)
        first.plot(degrees, np.ones_like(degrees), color=FAINT, linewidth=0.9, ls="--", label="total, along")
        first.set_title("½‖Log R‖² on SO(3): laws, and dots by differentiation")
        first.set_ylabel("eigenvalue")
        first.legend(fontsize=8, loc="upper left")
        second.axhline(0, color=LINE, linewidth=0.8)
        for (name, found), colour in zip(turned.items(), (RIGHT, PLAIN), strict=True):
            low, middle, high = np.percentile(found["total"], [10, 50, 90], axis=1)
            second.fill_between(np.degrees(few), low, high, color=colour, alpha=0.15, linewidth=0)
            second.plot(np.degrees(few), middle, "o-", markersize=3.5, color=colour, label=f"total, {name}")
            least = found["without_chain"].min(axis=1)
            second.plot(
                np.degrees(few), least, ls=":", color=colour, label="without the chain's share, least of all"
            )
        second.set_title("On the G1's arm: least eigenvalue, 500 poses")
        second.legend(fontsize=8, loc="lower left")
        for axes in (first, second):
            axes.set_xlabel("rotation error φ, °")
            axes.set_xticks(range(0, 181, 45))
        names = ("weights 1 : 1 : r, by r", "Log of SE(3), by √(w_p/w_R)‖p‖")
        for values, name, colour in zip(thresholds, names, (HUMAN, LEFT), strict=True):
            x, y = np.array(list(values)), np.degrees(list(values.values()))
            third.plot(x, np.where(np.isnan(y), 180.0, y), "o-", markersize=3.5, color=colour, label=name)
        third.set_xscale("log")
        third.set_ylim(0, 185)
        third.set_yticks(range(0, 181, 45))
        third.set_xlabel("r, or position error")
        third.set_ylabel("total negative from φ = … °")
        third.set_title("What makes the total negative without any chain")
        third.legend(fontsize=8)
        figure.savefig(path)


def maps(found: Sequence[Any], path: Path) -> None:
    """Which minimum each start ends in, a frame each."""
    columns = 4
    rows = -(-len(found) // columns)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(12.5, 3.75 * rows), layout="constrained", dpi=90)
        for axes, one in zip(figure.subplots(rows, columns, squeeze=False).ravel(), found, strict=False):
            _map(axes, one)
        figure.savefig(path)


def _map(axes: Axes, one: Any) -> None:
    """The best minimum is green, others have a colour where they take 1 % of the starts, the rest is grey."""
    share = np.bincount(one.label.ravel(), minlength=len(one.cost)) / one.label.size
    shown = [k for k in np.argsort(-share) if k > 0 and share[k] >= 0.01][: len(OTHERS)]
    shown.sort()
    code = np.full(len(one.cost), len(OTHERS) + 1)
    code[0] = 0
    code[shown] = 1 + np.arange(len(shown))
    colours = ListedColormap([LEFT, *OTHERS, REST])
    axes.imshow(
        code[one.label].T,
        origin="lower",
        extent=(one.across.lower, one.across.upper, one.up.lower, one.up.upper),
        cmap=colours,
        vmin=0,
        vmax=len(OTHERS) + 1,
        aspect="auto",
        interpolation="nearest",
    )
    for k in (0, *shown):
        axes.plot(
            [], [], "s", color=colours(int(code[k])), label=f"{one.cost[k]:.2f}: {100 * share[k]:.0f} %"
        )
    rest = np.setdiff1d(np.arange(len(one.cost)), [0, *shown])
    if len(rest):
        axes.plot([], [], "s", color=REST, label=f"{len(rest)} others: {100 * share[rest].sum():.0f} %")
    for marker, (name, (x, y, cost)) in zip(MARKERS, one.marks.items(), strict=False):
        best = cost <= one.cost.min() * 1.02 + 0.005
        size = 13 if marker == "*" else 7
        axes.plot(
            x, y, marker, markersize=size, color="white" if best else BAD, markeredgecolor=INK, label=name
        )
    axes.set_title(one.title)
    axes.set_xlabel(f"{one.across.name}, rad")
    axes.set_ylabel(f"{one.up.name}, rad")
    axes.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, handletextpad=0.3)


def hard(found: Mapping[str, Any], path: Path) -> None:
    """Excess cost of each method's poses at hard frames; what starts find with limits and bodies taken away."""
    best = np.array(found["costs"]["best"])
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10, 3.5), layout="constrained", dpi=100)
        first, second = figure.subplots(1, 2)
        share = np.linspace(0, 100, len(best))
        colours = (PLAIN, RIGHT, LEFT, HUMAN, FAINT)
        names = [name for name in found["costs"] if name != "best"]
        for name, colour in zip(names, colours, strict=False):
            excess = np.sort(np.array(found["costs"][name]) - best)
            first.plot(np.maximum(excess, 1e-4), share, color=colour, label=name)
        first.set_xscale("log")
        first.set_xlabel("cost above the best minimum found")
        first.set_ylabel("% of hard frames")
        first.set_title(f"{len(best)} frames where frame-ik's passes disagree")
        first.legend(fontsize=8, loc="upper left")
        shares = [[100 * s for _, s in rows] for rows in found["free"].values()]
        second.boxplot(
            shares,
            tick_labels=list(found["free"]),
            medianprops={"color": HUMAN},
            boxprops={"color": FAINT},
            whiskerprops={"color": FAINT},
            capprops={"color": FAINT},
            flierprops={"marker": ".", "markeredgecolor": FAINT},
        )
        second.set_ylim(0, 103)
        second.set_ylabel("% of 100 starts that end in the best")
        second.set_title("What keeps starts from the best minimum")
        second.tick_params(axis="x", labelsize=8)
        figure.savefig(path)
