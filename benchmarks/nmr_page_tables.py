"""The tables of ``benchmarks.nmr``: the paper's Table III by method, by class, and as it was printed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.pages import number, table
from understudy.evaluate.classes import RULES
from understudy.evaluate.pooling import Pooled

PAPER = (
    ("GMR", "56 (0.11 %)", "947 (1.91 %)", "21,443 (43.21 %)"),
    ("PHUMA", "12 (0.02 %)", "2,456 (4.95 %)", "10,580 (21.32 %)"),
    ("NMR without physics", "2 (0.00 %)", "779 (1.57 %)", "19,324 (38.94 %)"),
    ("NMR", "0 (0.00 %)", "431 (0.87 %)", "8,339 (16.80 %)"),
)
"""Table III as printed: other clips (82 of AMASS, 49.6 k frames at 50 Hz), and after the released code's low-pass."""
TERMS = ("joint_jumps", "self_collision", "near_limit_0.05")
BESIDE = ("unexplained_jumps", "keypoint_error", "jerk_mean", "floor_penetration", "flat_skating")
"""What classes are also told by."""
QUICK = Path(__file__).parents[1] / "docs" / "results" / "quick" / "retarget.json"
"""Where phuma-like has been measured, on fourteen clips."""


def terms_of(pooled: Mapping[str, Pooled]) -> dict[str, Any]:
    """The pooled values that a row of Table III has."""
    return {
        key: {"value": p.value, "over": p.over}
        for key, p in pooled.items()
        if key in (*TERMS, "keypoint_error")
    }


def tables(found: Mapping[str, Any]) -> str:
    """The section of all clips, at every frame rate."""
    parts = [
        "## Table III",
        "Joint jumps: frames with a joint step above 0.5 rad. Limit: frames with a joint within 0.05 rad of its limit. "
        f"Self-collision: on the robot's primitives. Clips: the {found['split']} split; all frames of a clip that a "
        "method failed are bad.",
        table(("", ""), found["facts"].items()),
    ]
    for fps, told in found["rates"].items():
        methods = told["methods"]
        parts += [
            f"### At {fps} frames a second",
            table(
                ("method", "certified", "frames", "joint jumps", "self-collision", "joint limit", "frames/s"),
                [_row(name, method, told["asked"]) for name, method in methods.items()],
            ),
            f"All metrics at {fps} frames a second, raw:",
            _metrics(methods),
            *(_classes(methods, kind) for kind in ("complexity", "length")),
        ]
    parts.append("The classes: " + " ".join(RULES))
    if "quick" in found:
        parts += ["### On the quick list, with phuma-like", _quick(found["quick"])]
    head = ("as printed, on other clips", "joint jumps", "self-collision", "joint limit")
    parts += ["### The paper's", table(head, PAPER)]
    return "\n\n".join(parts)


def _row(name: str, method: Mapping[str, Any], clips: int) -> tuple[str, ...]:
    counts, fast = method["counts"], method["speed"]
    own = method["blocks"]["raw"]["all"]
    return (
        f"`{name}`",
        f"{counts['passed']} of {clips}",
        f"{counts['frames']:,}",
        *(share(own.get(key)) for key in TERMS),
        number(fast["per_cpu_second"]) if fast else "–",
    )


def share(told: Mapping[str, Any] | None) -> str:
    """A share of frames as the paper writes it: how many, and in brackets the percentage."""
    if told is None or told["value"] is None:
        return "–"
    return f"{told['value'] * told['over'] / 100:,.0f} ({told['value']:.2f} %)"


def _metrics(methods: Mapping[str, Any]) -> str:
    every = {name: method["blocks"]["raw"]["all"] for name, method in methods.items()}
    labels = {key: (p["label"], p["unit"]) for own in every.values() for key, p in own.items()}
    rows = [
        (*label, *(number(own[key]["value"] if key in own else None) for own in every.values()))
        for key, label in labels.items()
    ]
    return table(("metric", "unit", *(f"`{name}`" for name in every)), rows)


def _classes(methods: Mapping[str, Any], kind: str) -> str:
    names = dict.fromkeys(n for m in methods.values() for n in m["blocks"]["raw"][kind])
    rows, labels = [], {}
    for name in names:
        for method, told in methods.items():
            if not (own := told["blocks"]["raw"][kind].get(name)):
                continue
            values, counts = own["metrics"], own["counts"]
            labels |= {k: f"{values[k]['label']}, {values[k]['unit']}" for k in BESIDE if k in values}
            rows.append(
                (
                    name,
                    f"`{method}`",
                    f"{counts['passed']} of {counts['clips']}",
                    *(share(values.get(key)) for key in TERMS),
                    *(number(values[key]["value"] if key in values else None) for key in BESIDE),
                )
            )
    head = ("joint jumps", "self-collision", "joint limit", *(labels.get(key, key) for key in BESIDE))
    return table((kind, "method", "certified", *head), rows)


def _quick(own: Mapping[str, Any]) -> str:
    told = dict(own)
    if QUICK.is_file():
        before = json.loads(QUICK.read_text(encoding="utf-8"))["methods"]
        told |= {n: m["blocks"]["raw"]["all"] for n, m in before.items() if n == "phuma-like"}
    rows = [
        (
            f"`{name}`",
            *(share(terms.get(key)) for key in TERMS),
            number((terms.get("keypoint_error") or {}).get("value")),
        )
        for name, terms in told.items()
    ]
    words = "phuma-like takes minutes a clip; its row is that of the [quick comparison](quick/retarget.md), at 30 fps."
    return f"{words}\n\n" + table(
        ("method", "joint jumps", "self-collision", "joint limit", "key points, cm"), rows
    )
