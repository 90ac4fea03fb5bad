"""The results of refinement as a page."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.pages import number, table
from understudy.evaluate.classes import COMPLEXITIES, RULES
from understudy.physics import RefineConfig

Row = Mapping[str, Any]
TRACKED = (("w_mpjpe", "W-MPJPE, cm"), ("mpjpe", "MPJPE, cm"), ("e_vel", "E_vel, m/s"), ("power", "W/kg"))
STOOD = (("slip", "slip, cm/s"), ("skating", "skating, cm/s"), ("float", "nothing carries, %"))
CHANGED = (
    ("keypoint_error_world", "key points, world, cm"),
    ("flat_skating", "skating, cm/s"),
    ("stance_float", "float in stance, mm"),
    ("floor_depth_max", "deepest, mm"),
    ("self_collision", "self-collision, %"),
    ("jerk_mean", "jerk, rad/s³"),
)


def page(found: Mapping[str, Any]) -> str:
    """The whole page, in Markdown."""
    rows, methods = found["rows"], list(dict.fromkeys(row["method"] for row in found["rows"]))
    listed = list(dict.fromkeys(row["clip"] for row in rows))
    parts = [
        "# Refinement in physics",
        f"{len(listed)} clips of the test split (`benchmarks/refine_clips.txt`), the first {found['seconds']:g} s of "
        f"each, retargeted to the Unitree G1 at 50 Hz by {', '.join(methods)} and then performed by `physics.refine` "
        f"with its defaults and the seeds {', '.join(map(str, found['seeds']))}. Nothing was trained. Errors are those "
        "of the performance against its own reference (W-MPJPE in the world, MPJPE from the root), over the frames "
        "that were performed; of robots that fell, those until the fall. Slip is the speed of the points where the "
        "floor carries a foot, without its rolling; skating that of the middle of a flat sole that is carried.",
        table(("", ""), found["facts"].items()),
        "## By input and class",
        " ".join(RULES[: len(COMPLEXITIES)]),
        _by_class(rows, methods),
        "## What became of the motion",
        "Of the input as it came from the retargeter, and of the performance, over the same frames, measured against "
        "the same human: stance is the human's, whatever the robot's feet did. Means over clips and seeds that "
        "finished.",
        _changes(rows, methods),
        "## Clip by clip",
        "Finished of the seeds; where a robot fell, when (s). W-MPJPE (cm) and slip (cm/s) are means over the seeds.",
        _clip_by_clip(rows, methods, listed),
        "## Standing",
        "Ten seconds at home under predictive control, with the tracking gains as they are (1) and with the stiffness "
        f"of refinement ({RefineConfig().stiffness:g} times).",
        _standing(found["standing"]),
        "## Against the clock",
        _clock(found["clock"]),
    ]
    return "\n\n".join(parts) + "\n"


def _by_class(rows: Sequence[Row], methods: Sequence[str]) -> str:
    head = ("input", "class", "finished", "at once", *(t for _, t in (*TRACKED, *STOOD)), "CPU s per s")
    lines = []
    for method in methods:
        for group in (*COMPLEXITIES, "all"):
            some = [r for r in rows if r["method"] == method and group in (r["class"], "all")]
            if not some:
                continue
            done = [r for r in some if r["fell_at"] is None]
            at_once = sum(r["retries"] == 0 for r in done)
            cost = sum(r["processor"] for r in some) / sum(r["seconds"] for r in some)
            lines.append(
                (
                    method,
                    group,
                    f"{len(done)}/{len(some)}",
                    f"{at_once}/{len(some)}",
                    *(number(_mean(r["physical"].get(key) for r in some)) for key, _ in (*TRACKED, *STOOD)),
                    number(cost),
                )
            )
    return table(head, lines)


def _changes(rows: Sequence[Row], methods: Sequence[str]) -> str:
    head = ("input", "", *(title for _, title in CHANGED), "joints moved, rad", "root moved, cm")
    lines = []
    for method in methods:
        done = [r for r in rows if r["method"] == method and r["fell_at"] is None]
        for when in ("before", "after"):
            values = [number(_mean(r[when].get(key) for r in done)) for key, _ in CHANGED]
            moved = ["", ""]
            if when == "after":
                joints = _mean(r["change"]["joint_mean"] for r in done)
                root = _mean(r["change"]["root_mean"] for r in done)
                moved = [number(joints), number(None if root is None else 100.0 * root)]
            lines.append((method, when, *values, *moved))
    return table(head, lines)


def _clip_by_clip(rows: Sequence[Row], methods: Sequence[str], listed: Sequence[str]) -> str:
    head = ("clip", "class", *(f"{m}: {what}" for m in methods for what in ("finished", "W-MPJPE", "slip")))
    lines = []
    for clip in listed:
        of_clip = [r for r in rows if r["clip"] == clip]
        cells = []
        for method in methods:
            some = [r for r in of_clip if r["method"] == method]
            fell = [f"{r['fell_at']:.1f}" for r in some if r["fell_at"] is not None]
            fate = f"{len(some) - len(fell)}/{len(some)}" + (f" ({', '.join(fell)})" if fell else "")
            cells += [
                fate,
                *(number(_mean(r["physical"].get(key) for r in some)) for key in ("w_mpjpe", "slip")),
            ]
        lines.append((clip.rsplit("/", 1)[-1], of_clip[0]["class"], *cells))
    return table(head, lines)


def _standing(found: Mapping[str, Row]) -> str:
    lines = [
        (
            factor,
            "stood" if row["fell_at"] is None else f"fell at {row['fell_at']:.2f} s",
            number(100.0 * row["root_max"]),
            number(row["slip"]),
        )
        for factor, row in found.items()
    ]
    return table(("stiffness", "", "root's farthest, cm", "slip, cm/s"), lines)


def _clock(found: Sequence[Row]) -> str:
    lines = [
        (
            row["clip"].rsplit("/", 1)[-1],
            str(row["samples"]),
            "finished" if row["fell_at"] is None else f"fell at {row['fell_at']:.2f} s",
            *(number(row[key]) for key in ("retries", "seconds", "wall", "processor", "load")),
        )
        for row in found
    ]
    head = ("clip", "samples", "", "went back", "seconds", "wall, s", "processor, s", "load of the machine")
    return f"On {found[0]['cores']} cores.\n\n" + table(head, lines)


def _mean(values: Any) -> float | None:
    known = [float(v) for v in values if v is not None and np.isfinite(v)]
    return float(np.mean(known)) if known else None
