"""Pictures for ``benchmarks.live_escape``, in the style of the report's figures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from benchmarks.live_escape_page import BUDGETS, COUNTS, labels
from understudy.view.plots import AXES, BAD, FAINT, HUMAN, INK, PLAIN

STYLE: dict[Any, Any] = AXES | {
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.4,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
}
BASINS = (PLAIN, HUMAN, FAINT)
KINDS = (("bound", BAD, "(r/R)^m"), ("uniform", HUMAN, "uniform increments"), ("path", PLAIN, "along α"))


def draw(document: Mapping[str, Any], path: Path) -> None:
    """All panels in one figure."""
    escape = document["escape"]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(15.5, 7.6), layout="constrained", dpi=100)
        panels = figure.subplots(2, 4)
        _basins(panels[0, 0], document["elbows"], "one QP, α = 1", "Ends of one QP at α = 1")
        _basins(
            panels[0, 1], document["elbows"], "all α, true certificate", "Ends of all α, true certificate"
        )
        _counts(panels[0, 2], escape)
        _measures(panels[0, 3], escape["p"])
        _budgets(panels[1, 0], document["times"])
        _coverage(panels[1, 1], escape["budget"])
        _volumes(panels[1, 2], document["volumes"])
        _convergence(panels[1, 3], document["convergence"])
        figure.savefig(path)


def _basins(axes: Axes, elbows: Mapping[str, Any], name: str, title: str) -> None:
    """Starts, coloured by where they end, over V."""
    pitch, bend = (np.degrees(elbows[key]) for key in ("pitch", "bend"))
    cost, end = np.array(elbows["cost"]), labels(np.array(elbows["ends"][name]))
    levels = np.geomspace(max(cost.min(), 1e-4), cost.max(), 14)
    axes.contour(pitch, bend, cost, levels=levels, norm=LogNorm(), cmap="Greys", linewidths=0.7)
    x, y = np.meshgrid(pitch, bend)
    end[~np.array(elbows["safe"])] = -1
    for value, (color, word) in enumerate(
        zip(BASINS, ("elbow bent", "past straight", "neither"), strict=True)
    ):
        if (end == value).any():
            axes.scatter(x[end == value], y[end == value], s=5, color=color, linewidths=0, label=word)
    for place in (np.degrees((-0.9, 0.95)), np.degrees((-1.38, 1.76))):
        axes.plot(*place, marker="*", color=INK, ms=9)
    axes.set_xlabel("shoulder pitch at the start, °")
    axes.set_ylabel("elbow at the start, °")
    axes.set_ylim(bend[0] - 3, bend[-1] + 26)
    axes.legend(loc="upper left", ncols=3, markerscale=2.5, handletextpad=0.1, columnspacing=0.8)
    axes.set_title(title)


def _counts(axes: Axes, escape: Mapping[str, Any]) -> None:
    for group, color, word in (("all", PLAIN, "all"), ("trapped", HUMAN, "no full step")):
        found = escape[group]
        axes.plot(COUNTS, found["theory"], color=color, label=word + ", 1 − (1 − p)^K")
        axes.plot(COUNTS, found["drawn"], color=color, ls="", marker="o", ms=4, label="drawn")
        axes.plot(COUNTS, found["grid"], color=color, ls="--", lw=1, label="grid j/K")
    axes.set_xscale("log", base=2)
    axes.set_ylim(-0.02, 1.45)
    axes.set_yticks(np.linspace(0.0, 1.0, 6))
    axes.set_xlabel("candidates K")
    axes.set_ylabel("states with an escaping candidate")
    axes.legend(loc="upper left", ncols=2)
    axes.set_title("P(escape) against K")


def _measures(axes: Axes, p: Mapping[str, list[float]]) -> None:
    bins = np.linspace(0.0, 1.0, 21).tolist()
    for key, color, word in (("arm", PLAIN, "one arm"), ("both", HUMAN, "both arms, one QP")):
        weights = np.full(len(p[key]), 1.0 / len(p[key]))
        axes.hist(p[key], bins, weights=weights, histtype="step", color=color, label=word, lw=1.6)
    axes.set_xlabel("p, measure of escaping α")
    axes.set_ylabel("share of states")
    axes.legend(loc="upper center")
    axes.set_title("How many α escape")


def _budgets(axes: Axes, times: list[dict[str, Any]]) -> None:
    one, both = times
    for solver, style in (("daqp", "-"), ("admm", "--")):
        name = {"daqp": "DAQP", "admm": "ADMM"}[solver]
        axes.plot(
            1e3 * BUDGETS,
            BUDGETS / (2 * one[solver]),
            color=PLAIN,
            ls=style,
            label=f"{name}, an arm at a time",
        )
        axes.plot(
            1e3 * BUDGETS, BUDGETS / both[solver], color=HUMAN, ls=style, label=f"{name}, both arms in one"
        )
    axes.axvline(2e3 * one["path"], color=INK, ls=":", label="exact paths: all α")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("budget B, ms")
    axes.set_ylabel("candidates K")
    axes.set_ylim(top=5e4)
    axes.legend(loc="upper left")
    axes.set_title("K = B / C (Eq. 26)")


def _coverage(axes: Axes, budget: Mapping[str, list[float]]) -> None:
    axes.plot(1e3 * BUDGETS, budget["dist"], color=PLAIN, label="both arms escape, an arm at a time")
    axes.plot(1e3 * BUDGETS, budget["whole"], color=HUMAN, label="their sum does, both in one")
    axes.set_xscale("log")
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("budget B, ms (DAQP)")
    axes.set_ylabel("mean of 1 − (1 − p)^K")
    axes.legend(loc="upper left")
    axes.set_title("P(escape) within a budget")


def _volumes(axes: Axes, rows: list[dict[str, float]]) -> None:
    random = np.random.default_rng(0)
    for shift, (key, color, word) in zip((-0.8, 0.0, 0.8), KINDS, strict=True):
        x = np.array([row["columns"] for row in rows]) + shift + random.uniform(-0.25, 0.25, len(rows))
        y = np.maximum([row[key] for row in rows], 1e-30 if key == "bound" else 1e-3)
        axes.scatter(x, y, s=12, color=color, alpha=0.7, linewidths=0, label=word)
    axes.set_yscale("log")
    axes.set_ylim(1e-42, 1e2)
    axes.set_xticks([7, 14], ["7: one arm", "14: both arms"])
    axes.set_ylabel("probability (none of 300 drawn at 10⁻³)")
    axes.legend(loc="lower left")
    axes.set_title("Volume bound and what is hit (Eq. 28)")


def _convergence(axes: Axes, rows: list[dict[str, Any]]) -> None:
    for rho, color in zip((50.0, 5.0, 1.0), (BAD, HUMAN, PLAIN), strict=True):
        mine = [row for row in rows if row["rho"] == rho]
        at = [row["iterations"] for row in mine]
        axes.plot(
            at, [row["apart"][1] for row in mine], color=color, marker="o", ms=4, label=f"ρ = {rho:g}, 90 %"
        )
        axes.plot(at, [row["apart"][0] for row in mine], color=color, ls="--", lw=1, label="median")
    axes.axvline(50, color=FAINT, ls=":", lw=1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("iterations of ADMM, from zero")
    axes.set_ylabel("from the solution, rad")
    axes.legend(loc="lower left")
    axes.set_title("What ADMM leaves")
