"""The results of ``benchmarks.nmr_stages`` as a page."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.pages import number, table

COLUMNS: Mapping[str, Callable[[Mapping[str, Any]], float | None]] = {
    "bodies from what was asked, cm": lambda row: row["physical"]["w_mpjpe"],
    "joints moved, rad": lambda row: row["change"]["joint_mean"],
    "root moved, cm": lambda row: 100.0 * row["change"]["root_mean"],
    "key points before, cm": lambda row: row["before"]["keypoint_error_world"],
    "key points after, cm": lambda row: row["after"]["keypoint_error_world"],
    "jerk before, rad/s³": lambda row: row["before"]["jerk_mean"],
    "jerk after, rad/s³": lambda row: row["after"]["jerk_mean"],
}


def page(document: Mapping[str, Any]) -> str:
    """The whole page, in Markdown."""
    drawn = document["drawn"]
    parts = [
        "# NMR with and without performed pairs",
        "NMR's second stage tunes the network on pairs in which the robot's motion is one that a simulated robot "
        "performed (`understudy learn refine-pairs`). Here the stages stand side by side, with a network that has "
        "seen performed pairs alone, as in the paper's ablation.",
        table(("", ""), document["facts"].items()),
        "## The networks",
        _networks(document["networks"]),
        "## Their motions",
        f"All clips of the list `{document['clips']}` at 30 frames a second, raw.",
        _metrics(document["tables"]),
        "## Performed",
        _performed(document["performed"], document["seconds"]),
        "## Where they differ most (the paper's Fig. 3)",
        "Of the clips of the list that is performed, the instant at which bodies of the two stages are farthest "
        f"apart: {number(drawn['apart_cm'])} cm on average, `{drawn['clip']}` at {drawn['time']:.2f} s.",
        "![stages](nmr_stages.png)",
    ]
    return "\n\n".join(parts) + "\n"


def _networks(networks: Mapping[str, Any]) -> str:
    rows = []
    for name, notes in networks.items():
        loop, pairs = notes["training"]["loop"], notes["pairs"]
        rows.append(
            (
                name,
                number(pairs["hours"]),
                f"{loop['steps']:,}",
                f"{loop['learning_rate']:g}",
                *(number(notes["validation"].get(key)) for key in ("points_cm", "joints_deg", "bend_ratio")),
            )
        )
    head = ("network", "hours of pairs", "steps", "learning rate")
    told = ("bodies from the teacher's, cm", "joints, °", "bend, × teacher")
    return table((*head, *told), rows) + (
        "\n\nThe last three on pairs that were kept back from what each learnt: kinematic ones for the first stage, "
        "performed ones for the others."
    )


def _metrics(tables: Mapping[str, Any]) -> str:
    labels = {key: (m["label"], m["unit"]) for own in tables.values() for key, m in own["metrics"].items()}
    rows = [("Certified", "clips", *(f"{own['passed']} of {own['clips']}" for own in tables.values()))]
    rows += [
        (*label, *(number(own["metrics"].get(key, {}).get("value")) for own in tables.values()))
        for key, label in labels.items()
    ]
    return table(("metric", "unit", *tables), rows)


def _performed(rows: Sequence[Mapping[str, Any]], seconds: float) -> str:
    methods = list(dict.fromkeys(row["method"] for row in rows))
    told = []
    # A clip counts for the means where every method's robot came to its end.
    whole = {row["clip"] for row in rows} - {row["clip"] for row in rows if row["fell_at"] is not None}
    for method in methods:
        own = [row for row in rows if row["method"] == method]
        both = [row for row in own if row["clip"] in whole]
        told.append(
            (
                method,
                f"{sum(row['fell_at'] is None for row in own)} of {len(own)}",
                str(sum(row["retries"] > 0 for row in own)),
                *(_mean([read(row) for row in both]) for read in COLUMNS.values()),
            )
        )
    return (
        f"The first {seconds:g} s of clips of the test split, performed by `physics.refine`. Means over the "
        f"{len(whole)} clips that every row finished.\n\n"
        + table(("network", "finished", "went back", *COLUMNS), told)
    )


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return number(float(np.mean(known)) if known else None)
