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
    "augmentation": ("Pairs without …", "left out"),
    "design": ("Network and loss without …", "left out"),
}
LEVEL = 0.95


def pooled(
    places: Sequence[tuple[str, str, Mapping[str, Any]]], rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """A point of each curve: the mean over seeds of every metric with half the width of its 95 % interval, None where
    no setting of the curve has two seeds. Points without a training are left out."""
    found = []
    for group in dict.fromkeys(group for group, _, _ in places):
        runs = [
            (label, [row for row in rows if _plain(row["setting"]) == _plain(setting)])
            for own, label, setting in places
            if own == group
        ]
        runs = [(label, own) for label, own in runs if own]
        tables = {name: intervals([_read(own, name) for _, own in runs]) for name in METRICS}
        found += [
            {
                "group": group,
                "label": label,
                "seeds": len(own),
                "steps": sorted({row["steps"] for row in own}),
                "parameters": own[0]["parameters"],
                "seconds": float(np.mean([row["seconds"] for row in own])),
                "values": {name: tables[name][k] for name in METRICS},
            }
            for k, (label, own) in enumerate(runs)
        ]
    return found


def _read(rows: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    part, metric = name.split()
    return [row[part][metric] for row in rows]


def intervals(settings: Sequence[Sequence[float]]) -> list[tuple[float, float | None]]:
    """Means of every setting's seeds with half the width of their intervals; the variance between seeds is taken to be
    the same for all settings, so that a few seeds of many settings tell it."""
    samples = [np.array(values, dtype=float) for values in settings]
    free = sum(len(x) - 1 for x in samples)
    if not free:
        return [(float(x.mean()), None) for x in samples]
    deviation = np.sqrt(sum(((x - x.mean()) ** 2).sum() for x in samples) / free)
    wide = float(student.ppf(0.5 + LEVEL / 2, free)) * deviation
    return [(float(x.mean()), float(wide / np.sqrt(len(x)))) for x in samples]


def page(document: Mapping[str, Any]) -> str:
    """The whole page, in Markdown."""
    parts = [
        "# What makes NMR good",
        f"Equal, short trainings: {document['steps']:,} steps of {document['batch']} windows of {document['window']} "
        f"frames, up to {document['seeds']} seeds each; `{document['size']}` and {document['hours']:g} hours of pairs "
        "where nothing else is said. They are far from what a long training reaches; only differences count. Measured "
        "on held-out pairs of the validation split, against sequence-fit's motion: distance of the robot's bodies, of "
        "its joints, how much joints accelerate compared with the teacher's, frames within 0.05 rad of a limit; and "
        "where faults of capture spoil the input. ± is half of the 95 % interval of the mean: Student's t, the "
        "variance between seeds pooled over the settings of a table; a dash, one seed of each.",
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
    """Distance of bodies over hours, over sizes, and without each way of making pairs and each part."""
    style: dict[Any, Any] = AXES | {"legend.frameon": False, "legend.fontsize": 8}
    groups = {group: [p for p in points if p["group"] == group] for group in TITLES}
    with matplotlib.rc_context(style):
        longest = max(len(groups["augmentation"]), len(groups["design"]))
        figure = Figure(figsize=(12.5, 0.22 * longest + 5.0), layout="constrained", dpi=90)
        (hours, sizes), (pairs, parts) = figure.subplots(2, 2, height_ratios=(2.8, 0.22 * longest + 2.2))
        _curve(hours, groups["hours"], [float(p["label"]) for p in groups["hours"]])
        _curve(sizes, groups["size"], [p["parameters"] / 1e6 for p in groups["size"]])
        hours.set_xlabel("hours of pairs")
        sizes.set_xlabel("parameters, millions")
        if groups["hours"]:
            hours.legend()
        _parts(pairs, groups["augmentation"], "pairs without …")
        _parts(parts, groups["design"], "network and loss without …")
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


def _parts(axes: Axes, points: Sequence[Mapping[str, Any]], title: str) -> None:
    if not points:
        axes.remove()
        return
    y = np.arange(len(points))
    for name, colour, shift in (("clean", PLAIN, -0.12), ("spoilt", HUMAN, 0.12)):
        means, spread = _errors(points, f"{name} points_cm")
        axes.errorbar(means, y + shift, xerr=spread, color=colour, ls="", marker="o", ms=4, capsize=2)
        axes.axvline(means[0], color=LINE, lw=1, zorder=0)
    axes.set_yticks(y, [p["label"] for p in points], color=FAINT)
    axes.invert_yaxis()
    axes.set_xlabel("bodies, cm")
    axes.set_title(title, loc="left")


def _errors(points: Sequence[Mapping[str, Any]], name: str) -> tuple[list[float], list[float]]:
    values = [p["values"][name] for p in points]
    return [mean for mean, _ in values], [half or 0.0 for _, half in values]


def _said(value: tuple[float, float | None]) -> str:
    mean, half = value
    return f"{mean:.3g} ± {'–' if half is None else f'{half:.2g}'}"


def _plain(setting: Mapping[str, Any]) -> dict[str, Any]:
    """Tuples as JSON has them."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in setting.items()}
