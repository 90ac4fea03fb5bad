"""The results of the comparison as a page."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from understudy.evaluate.benchmark import ClipResult, Outcome
from understudy.evaluate.summary import summary

HEADLINE = (
    "keypoint_error",
    "keypoint_error_world",
    "orientation_error",
    "unexplained_jumps",
    "above_motor_speed",
    "near_limit_0.05",
    "self_collision",
    "floor_penetration",
    "sole_height_error",
    "flat_skating",
)
"""Columns of the tables by class."""
RATIOS = ("keypoint_error", "orientation_error", "jerk_mean")
"""What is compared clip by clip."""
BLOCK_TITLES = {
    "raw": ("What the methods made", "Raw: nothing was done to the motions. This is the headline."),
    "filtered": (
        "After one low-pass for all",
        "Zero-phase fourth-order Butterworth, 5 Hz, on joints, root position and root orientation, because some "
        "published figures were counted after a filter. Clips shorter than the filter needs are left out.",
    ),
}


def document(
    outcome: Outcome, facts: Mapping[str, str], memory: Mapping[str, Any], reference: str, fps: float
) -> dict[str, Any]:
    """The summary, with where and how it was made."""
    found = summary(outcome, reference)
    for name, method in found["methods"].items():
        method["memory_mib"] = memory.get(name)
    return {"facts": dict(facts), "fps": fps, **found}


def page(
    outcome: Outcome, found: Mapping[str, Any], drawn: Sequence[Path], reference: str, fps: float
) -> str:
    """The whole page, in Markdown."""
    methods = found["methods"]
    parts = [
        "# Retargeting methods on real clips",
        _introduction(found, fps),
        table(("", ""), found["facts"].items()),
        "## Clips, speed, memory",
        _overview(methods, found["asked"]),
        *(_block(methods, block, reference) for block in BLOCK_TITLES),
        _clip_by_clip(outcome, reference),
        _classes(methods, "complexity", "By complexity"),
        _classes(methods, "length", "By length"),
        _losses(found, methods),
        _pictures(outcome, drawn),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _introduction(found: Mapping[str, Any], fps: float) -> str:
    return (
        f"{found['asked']} clips at {fps:g} frames a second (or their own rate, if that is lower), measured by "
        "`evaluate.report`, whose definitions no method owns: see the guide to `evaluate`. Values are pooled over "
        "frames, each with its denominator in `retarget.json`; the worst of a clip pools to the worst of all, and a "
        "99th percentile to the mean of the clips' own. **Failed clips count**: in every share of frames (%) all "
        "frames of a clip that a method refused or broke on are bad, and no such clip is certified. Clips that could "
        "not be read at all are in the number of clips asked for and listed at the end."
    )


def _overview(methods: Mapping[str, Any], asked: int) -> str:
    rows = []
    for name, found in methods.items():
        c, s, m = found["counts"], found["speed"], found["memory_mib"]
        rows.append(
            (
                f"`{name}`",
                f"{c['made']} of {asked}",
                f"{c['passed']} of {asked}",
                f"{c['frames_made']:,} of {c['frames']:,}",
                f"{s['per_cpu_second']:,.0f} ({s['per_second']:,.0f})" if s else "–",
                f"{s['p50_ms']:.3g} / {s['p99_ms']:.3g}" if s else "–",
                f"{m['peak'] - m['before']:,.0f} ({m['peak']:,.0f})" if m else "–",
            )
        )
    head = (
        "method",
        "clips made",
        "certified",
        "frames made, of those read",
        "frames/s",
        "ms a frame, p50 / p99",
        "memory in MiB",
    )
    notes = (
        "Frames/s: the method alone, warm, on one thread, without reading or measuring; by processor time, in brackets "
        "by the clock on the wall (other work on the machine shows there). Milliseconds: each frame counts with the "
        "mean of its clip, so bursts inside a clip do not show; `benchmarks.speed` times single frames. Memory: "
        "what the longest clip adds to a fresh process that has read it, with libraries and kernels; in brackets, all."
    )
    return f"{table(head, rows)}\n\n{notes}"


def _block(methods: Mapping[str, Any], block: str, reference: str) -> str:
    title, words = BLOCK_TITLES[block]
    compared = [name for name in methods if name != reference] if reference in methods else []
    head = [
        "metric",
        "unit",
        *(f"`{name}`" for name in methods),
        *(f"`{n}` / `{reference}`" for n in compared),
    ]
    keys = dict.fromkeys(key for found in methods.values() for key in found["blocks"][block]["all"])
    rows = []
    for key in keys:
        own = [found["blocks"][block]["all"].get(key) for found in methods.values()]
        first = next(p for p in own if p)
        factors = [methods[name]["blocks"][block]["ratios"].get(key) for name in compared]
        rows.append(
            (
                first["label"],
                first["unit"],
                *(number(p["value"] if p else None) for p in own),
                *(f"{factor:.2f}" if factor is not None else "–" for factor in factors),
            )
        )
    certified = [f"{f['blocks'][block]['passed']} of {f['counts']['clips']}" for f in methods.values()]
    rows.append(("Certified, of clips read", "clips", *certified, *("–" for _ in compared)))
    return f"## {title}\n\n{words}\n\n{table(head, rows)}"


def _classes(methods: Mapping[str, Any], kind: str, title: str) -> str:
    rows, labels = [], {}
    names = dict.fromkeys(n for found in methods.values() for n in found["blocks"]["raw"][kind])
    for name in names:
        for method, found in methods.items():
            if not (own := found["blocks"]["raw"][kind].get(name)):
                continue
            c, metrics = own["counts"], own["metrics"]
            labels |= {
                key: f"{metrics[key]['label']}, {metrics[key]['unit']}" for key in HEADLINE if key in metrics
            }
            values = (number(metrics[key]["value"] if key in metrics else None) for key in HEADLINE)
            rows.append((name, f"`{method}`", f"{c['passed']} of {c['clips']}", f"{c['frames']:,}", *values))
    head = ("class", "method", "certified", "frames", *(labels.get(key, key) for key in HEADLINE))
    return f"## {title}\n\n{table(head, rows)}"


def _clip_by_clip(outcome: Outcome, reference: str) -> str:
    """Ratios on one clip at a time, which a few long or wild clips cannot decide."""
    if reference not in outcome.methods:
        return ""
    theirs = {result.clip: _raw(result) for result in outcome.of(reference)}
    rows = []
    for key in RATIOS:
        for method in (name for name in outcome.methods if name != reference):
            pairs = [(_raw(r).get(key), theirs.get(r.clip, {}).get(key)) for r in outcome.of(method)]
            ratios = np.array([a / b for a, b in pairs if a is not None and b])
            if not len(ratios):
                continue
            shares = [f"{(ratios <= most).sum()} of {len(ratios)}" for most in (1 / 3, 0.95)]
            spread = (np.median(ratios), np.quantile(ratios, 0.9), ratios.max())
            rows.append((key, f"`{method}`", *(f"{v:.2f}" for v in spread), *shares))
    head = (
        "metric",
        "method",
        "median ratio",
        "90 %",
        "largest",
        "clips at a third or less",
        "at 0.95 or less",
    )
    return f"## Clip by clip, as a part of `{reference}`'s\n\n{table(head, rows)}"


def _raw(result: ClipResult) -> dict[str, float | None]:
    """The raw values of one clip; none where no motion was made."""
    return {m["key"]: m["value"] for m in result.blocks["raw"].metrics} if result.blocks else {}


def _losses(found: Mapping[str, Any], methods: Mapping[str, Any]) -> str:
    lines = ["## The classes, and clips without a result", "\n".join(f"- {rule}" for rule in found["rules"])]
    for name, method in methods.items():
        if method["failed"]:
            lines.append(f"`{name}` made no motion of these:")
            lines.append("\n".join(f"- `{f['clip']}`: {_plain(f['error'])}" for f in method["failed"]))
    if found["unread"]:
        lines.append(f"{len(found['unread'])} clips could not be read:")
        lines.append("\n".join(f"- `{clip['clip']}`" for clip in found["unread"]))
    return "\n\n".join(lines)


def _pictures(outcome: Outcome, drawn: Sequence[Path]) -> str:
    lines = ["## Pictures"]
    for path in drawn:
        method = path.stem.removeprefix("retarget_worst_")
        if method in outcome.methods:
            lines.append(
                f"The three worst moments of `{method}`, one a row, with half a second before and after:"
            )
        else:
            lines.append("Every metric, clip by clip:")
        lines.append(f"![{path.stem}]({path.name})")
    return "\n\n".join(lines)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is words, the rest numbers."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    if len(head) == 2:
        lines[1] = "|---|---|"
    return "\n".join([*lines, *("| " + " | ".join(_plain(cell) for cell in row) + " |" for row in rows)])


def number(value: float | None) -> str:
    """Three digits; a dash for nothing."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _plain(text: str) -> str:
    """Text that cannot break a table."""
    return str(text).replace("|", "\\|").replace("\n", " ")
