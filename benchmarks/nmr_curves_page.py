"""The results of ``benchmarks.nmr_curves`` as a page and a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import t as student

from benchmarks.pages import table
from understudy.view.plots import AXES, FAINT, HUMAN, LINE, PLAIN

METRICS = {
    "clean points_cm": "bodies, cm",
    "clean joints_deg": "joints, °",
    "clean bend_ratio": "bend, × teacher",
    "clean limits_pct": "at limits, %",
    "spoilt points_cm": "bodies, spoilt input, cm",
    "spoilt jumps_pct": "jumps, spoilt input, %",
}
TITLES = {
    "hours": ("Hours of pairs", "hours"),
    "size": ("Size of the network", "size"),
    "without": ("Without …", "left out"),
}
LEVEL = 0.95


def pooled(
    places: Sequence[tuple[str, str, Mapping[str, Any]]], rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """A point of each curve: the mean over seeds of every metric with half the width of its 95 % interval (Student's
    t; None for a single seed). Points without a training are left out."""
    found = []
    for group, label, setting in places:
        own = [row for row in rows if _plain(row["setting"]) == _plain(setting)]
        if not own:
            continue
        values = {name: interval([row[name.split()[0]][name.split()[1]] for row in own]) for name in METRICS}
        found.append(
            {
                "group": group,
                "label": label,
                "seeds": len(own),
                "steps": sorted({row["steps"] for row in own}),
                "parameters": own[0]["parameters"],
                "seconds": float(np.mean([row["seconds"] for row in own])),
                "values": values,
            }
        )
    return found


def interval(values: Sequence[float]) -> tuple[float, float | None]:
    """The mean, and half the width of its interval."""
    x = np.array(values, dtype=float)
    if len(x) < 2:
        return float(x.mean()), None
    return float(x.mean()), float(student.ppf(0.5 + LEVEL / 2, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x)))


def page(document: Mapping[str, Any]) -> str:
    """The whole page, in Markdown."""
    parts = [
        "# What makes NMR good",
        f"Equal, short trainings: {document['steps']:,} steps of {document['batch']} windows of {document['window']} "
        f"frames, up to {document['seeds']} seeds each; `{document['size']}` and {document['hours']:g} hours of pairs "
        "where nothing else is said. They are far from what a long training reaches; only differences count. Measured "
        "on held-out pairs of the validation split, against sequence-fit's motion: distance of the robot's bodies, of "
        "its joints, how much joints accelerate compared with the teacher's, frames within 0.05 rad of a limit; and "
        "where faults of capture spoil the input. ± is half of the 95 % interval of the mean (Student's t over seeds); "
        "a dash, one seed.",
        table(("", ""), [*document["facts"].items(), ("trained on", ", ".join(document["devices"]))]),
        "![curves](nmr_curves.png)",
    ]
    for group, (title, what) in TITLES.items():
        rows = [
            (
                point["label"],
                f"{point['parameters'] / 1e6:.2f} M",
                ", ".join(f"{steps:,}" for steps in point["steps"]),
                str(point["seeds"]),
                *(_said(point["values"][name]) for name in METRICS),
            )
            for point in document["points"]
            if point["group"] == group
        ]
        if rows:
            parts += [f"## {title}", table((what, "parameters", "steps", "seeds", *METRICS.values()), rows)]
    return "\n\n".join(parts) + "\n"


def draw(points: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Distance of bodies over hours, over sizes, and without each part."""
    style: dict[Any, Any] = AXES | {"legend.frameon": False, "legend.fontsize": 8}
    groups = {group: [p for p in points if p["group"] == group] for group in TITLES}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(12.5, 0.22 * len(groups["without"]) + 2.2), layout="constrained", dpi=90)
        hours, sizes, parts = figure.subplots(1, 3, width_ratios=(1, 1, 1.5))
        _curve(hours, groups["hours"], [float(p["label"]) for p in groups["hours"]])
        _curve(sizes, groups["size"], [p["parameters"] / 1e6 for p in groups["size"]])
        hours.set_xlabel("hours of pairs")
        sizes.set_xlabel("parameters, millions")
        if groups["hours"]:
            hours.legend()
        _parts(parts, groups["without"])
        figure.savefig(path)


def _curve(axes: Axes, points: Sequence[Mapping[str, Any]], x: Sequence[float]) -> None:
    axes.set_ylabel("bodies, cm")
    if not points:
        return
    for name, colour, label in (("clean", PLAIN, "clean"), ("spoilt", HUMAN, "spoilt input")):
        means, spread = _errors(points, f"{name} points_cm")
        axes.errorbar(x, means, spread, color=colour, marker="o", ms=4, capsize=3, label=label)
    axes.set_xscale("log")
    axes.set_xticks(x, [f"{v:.3g}" for v in x])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)


def _parts(axes: Axes, points: Sequence[Mapping[str, Any]]) -> None:
    y = np.arange(len(points))
    for name, colour, shift in (("clean", PLAIN, -0.12), ("spoilt", HUMAN, 0.12)):
        means, spread = _errors(points, f"{name} points_cm")
        axes.errorbar(means, y + shift, xerr=spread, color=colour, ls="", marker="o", ms=4, capsize=2)
        if points:
            axes.axvline(means[0], color=LINE, lw=1, zorder=0)
    axes.set_yticks(y, [p["label"] for p in points], color=FAINT)
    axes.invert_yaxis()
    axes.set_xlabel("bodies, cm")
    axes.set_title("without …", loc="left")


def _errors(points: Sequence[Mapping[str, Any]], name: str) -> tuple[list[float], list[float]]:
    values = [p["values"][name] for p in points]
    return [mean for mean, _ in values], [half or 0.0 for _, half in values]


def _said(value: tuple[float, float | None]) -> str:
    mean, half = value
    return f"{mean:.3g} ± {'–' if half is None else f'{half:.2g}'}"


def _plain(setting: Mapping[str, Any]) -> dict[str, Any]:
    """Tuples as JSON has them."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in setting.items()}
