"""The results of ``benchmarks.nmr`` as a page."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.nmr_page_tables import tables
from benchmarks.pages import number, table
from understudy.evaluate.corruption import CORRUPTIONS

FAULTS = {
    "joints_mean": "joints, mean °",
    "joints_sound": "in sound frames °",
    "joints_worst": "worst °",
    "points_mean": "points, mean cm",
    "points_worst": "worst cm",
    "peak_speed": "fastest joint, rad/s",
}


def page(document: Mapping[str, Any]) -> str:
    """The whole page, in Markdown; sections that were not measured are left out."""
    writers = {
        "tables": tables,
        "arm": _arm,
        "faults": _faults,
        "look-ahead": _look_ahead,
        "speed": _speed,
    }
    parts = ["# NMR", _checkpoint(document["checkpoint"]), asked(document)]
    parts += [write(document[section]) for section, write in writers.items() if section in document]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_json(document: Mapping[str, Any]) -> str:
    """The document as text, without clips and filtered motions: ``retarget.json`` has those in the same form."""
    told = dict(document)
    if "tables" in told:
        rates = {fps: _short(found) for fps, found in told["tables"]["rates"].items()}
        told["tables"] = {**told["tables"], "rates": rates}
    return json.dumps(told, indent=1) + "\n"


def _short(found: Mapping[str, Any]) -> dict[str, Any]:
    methods = {
        name: {**method, "blocks": {"raw": method["blocks"]["raw"]}}
        for name, method in found["methods"].items()
    }
    return {**found, "methods": methods, "clips": []}


def asked(document: Mapping[str, Any]) -> str:
    """What the method must show, and what was found."""
    rows = [*_asked_of_tables(document.get("tables", {}))]
    alone = [
        r["per_cpu_second"]
        for r in document.get("speed", {}).get("rows", [])
        if r["what"] == "landmarks to poses"
    ]
    if alone:
        rows.append(
            (
                "chunks, features, network, decoding, frames/s",
                "≥ 20,000",
                number(max(alone)),
                max(alone) >= 2e4,
            )
        )
    if not rows:
        return ""
    told = [(what, wanted, found, "yes" if so else "no") for what, wanted, found, so in rows]
    return f"## What it must show\n\n{table(('of raw `nmr`', 'asked', 'found', 'reached'), told)}"


def _asked_of_tables(found: Mapping[str, Any]) -> Iterable[tuple[str, str, str, bool]]:
    for fps, told in found.get("rates", {}).items():
        every = {name: method["blocks"]["raw"]["all"] for name, method in told["methods"].items()}
        if "nmr" not in every:
            continue

        def value(method: str, key: str, every: Mapping[str, Any] = every) -> float | None:
            return every[method][key]["value"] if key in every.get(method, {}) else None

        limits = [("joint_jumps", 0.0, "%"), ("self_collision", 0.87, "%"), ("near_limit_0.05", 16.8, "%")]
        if (fit := value("sequence-fit", "keypoint_error")) is not None:
            limits.append(("keypoint_error", fit + 1.5, "cm: `sequence-fit` + 1.5"))
        if (fit := value("sequence-fit", "jerk_mean")) is not None:
            limits.append(("jerk_mean", fit, "rad/s³: `sequence-fit`"))
        for key, most, unit in limits:
            if (own := value("nmr", key)) is not None:
                label = every["nmr"][key]["label"]
                yield f"{label}, {fps} fps", f"≤ {number(most)} {unit}", number(own), own <= most


def _checkpoint(told: Mapping[str, Any]) -> str:
    notes = told["notes"]
    pairs, network = notes.get("pairs", {}), notes.get("training", {}).get("model", {}).get("network", {})
    kinds = ", ".join(f"{kind} {hours:g}" for kind, hours in pairs.get("kinds", {}).items())
    rows = [
        ("weights", f"`{told['file']}`, {told['megabytes']:g} MB, SHA-256 {told['sha256']}…"),
        ("parameters", f"{told['parameters']:,}"),
        ("network", ", ".join(f"{k} {v}" for k, v in network.items()) or "–"),
        ("pairs", f"{pairs['hours']:g} hours ({kinds})" if pairs else "–"),
        ("validation", ", ".join(f"{k} {v:.4g}" for k, v in notes.get("validation", {}).items()) or "–"),
    ]
    words = (
        "The neural retargeter beside the other methods. *Raw* `nmr` is what the network made: no filter, no repair; "
        "`nmr + repair` lets SequenceFit finish it. No clip here was seen in training."
    )
    return f"{words}\n\n{table(('', ''), rows)}"


def _arm(found: Mapping[str, Any]) -> str:
    rows = [
        (f"`{name}`", f"{found['step'][name] * found['fps']:.1f}", f"{found['within'][name]:.2f}")
        for name in found["curves"]
    ]
    head = ("method", "fastest, rad/s", "most within 0.2 s, rad")
    return "\n\n".join(
        (
            "## Arms up and down (the paper's Fig. 5)",
            f"The {found['joint'].replace('_', ' ').removesuffix(' joint')} in `{found['clip']}`, a clip that no "
            f"network was trained on, at {found['fps']:g} frames a second. It was chosen because `gmr-like` sticks at "
            "a limit there and snaps away; in this clip its whole body is off, not the arm alone.",
            table(head, rows),
            "![right shoulder roll](nmr_arm.png)",
            table(("", ""), found["facts"].items()),
        )
    )


def _faults(found: Mapping[str, Any]) -> str:
    rows = [
        (
            row["corruption"],
            f"`{row['method']}`",
            f"{row['certified']} of {row['clips']}",
            *(number(row[key]) for key in FAULTS),
        )
        for row in found["all"]
    ]
    drawn = found["drawn"]
    what = "; ".join(f"*{name}*: {' '.join((c.__doc__ or '').split())}" for name, c in CORRUPTIONS.items())
    return "\n\n".join(
        (
            "## Faults of the capture (the paper's Fig. 6)",
            f"{found['clips']} clips are spoilt on purpose and compared with what the same method makes of the clean "
            "clip, as in the [robustness suite](robustness.md). `nmr, not healed` is the network on its own, as "
            f"`frame-ik` is; `nmr` and `sequence-fit` heal their input first. {what}",
            table(("corruption", "method", "certified", *FAULTS.values()), rows),
            f"`{drawn['clip']}`: frames t+2 to t+{1 + drawn['bad']} are wrong; one thirtieth of a second from frame to "
            "frame.",
            "![wrong frames](nmr_faults.png)",
            table(("", ""), found["facts"].items()),
        )
    )


def _look_ahead(found: Mapping[str, Any]) -> str:
    keys = [key for key in found["rows"][0] if key not in ("ahead", "failed")]
    names = [*(f"stream, {1e3 * row['ahead']:.0f} ms" for row in found["rows"]), *found["batch"]]
    rows = [
        (name, *(number(row[key]) for key in keys))
        for name, row in zip(names, (*found["rows"], *found["batch"].values()), strict=True)
    ]
    return "\n\n".join(
        (
            "## Look-ahead",
            f"The stream (`NMRLive`) may wait so long for what comes after a frame; its answers are compared with the "
            f"frames that they are for. {found['clips']} clips, {found['frames']:,} frames at 30 a second; shares in "
            "%, the other units as above. The stream does not heal its input.",
            table(("", *(key.replace("_", " ") for key in keys)), rows),
            "![look-ahead](nmr_look_ahead.png)",
            table(("", ""), found["facts"].items()),
        )
    )


def _speed(found: Mapping[str, Any]) -> str:
    rows = [
        (
            row["what"],
            row["precision"],
            f"{row['clips']} × {row['frames']:,}",
            number(row["per_cpu_second"]),
            number(row["per_second"]),
        )
        for row in found["rows"]
    ]
    halved = found["bfloat16"]
    head = ("what", "precision", "clips × frames", "frames/s, processor", "frames/s, wall")
    return "\n\n".join(
        (
            "## Speed",
            f"On {found['device']}, {found['batch']} chunks of {halved['chunk']} frames side by side, of which "
            f"neighbours share {halved['overlap']}; clips at 30 frames a second, the least of three runs. *Clip to "
            "clip* is all that a user waits for: healing, landmarks, floor, features, chunks, network, decoding; "
            "*landmarks to poses* begins at features.",
            table(head, rows),
            f"Products in bfloat16, the default, change joints by {halved['mean_deg']:.2g}° on average and "
            f"{halved['most_deg']:.2g}° at most, and make jerk {halved['jerk_ratio']:.3g} times as large.",
            table(("", ""), found["facts"].items()),
        )
    )
