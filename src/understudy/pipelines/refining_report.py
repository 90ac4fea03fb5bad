"""What a refining job tells beside its manifest: ``report.md`` to read and ``report.json`` to work with."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from understudy.motion.dataset import Entry
from understudy.motion.files import atomic_path

MARKDOWN, JSON = "report.md", "report.json"
COLUMNS: Mapping[str, tuple[str, float, str]] = {
    "root_error": ("root error cm", 100.0, ".1f"),
    "joint_error": ("joint error rad", 1.0, ".3f"),
    "root_change": ("root moved cm", 100.0, ".1f"),
    "joint_change": ("joints changed rad", 1.0, ".3f"),
    "joint_change_max": ("at most rad", 1.0, ".2f"),
    "retries": ("retries", 1.0, ".0f"),
}
"""One number a clip: its heading, the factor from SI units, its digits."""
TWICE: Mapping[str, tuple[str, float, str]] = {
    "skating": ("skating cm/s", 100.0, ".1f"),
    "float": ("float mm", 1000.0, ".1f"),
    "penetration": ("deepest mm", 1000.0, ".1f"),
    "self_collision": ("self-collision %", 100.0, ".0f"),
}
"""The same of what is told before and after."""
HEADINGS: Mapping[str, str] = {
    **{key: heading for key, (heading, _, _) in (*COLUMNS.items(), *TWICE.items())},
    "seconds": "seconds",
}
"""What stands over the numbers of a clip, in their order."""
NOTE = (
    "Errors are distances from what was asked for: the motion at the control rate, low-passed, on the floor. Changes "
    "are distances from the file. Skating and float are those of feet that stand, by the file's own motion, on the "
    "floor (flat_skating and stance_float of `understudy evaluate`); deepest is the lowest point of any body under the "
    "floor. Seconds are those of the worker."
)


def clips_told(
    entries: Iterable[Entry], taken: Mapping[str, float], before: Sequence[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """One record for each clip. ``taken`` has the seconds of work of this run by ``id``; ``before`` are the records
    of an earlier one, for clips that were up to date."""
    known = {record.get("clip"): record.get("seconds") for record in before}
    return [
        {
            "clip": entry.id,
            "outcome": outcome(entry),
            "reason": entry.reason,
            "file": entry.path,
            "duration": entry.duration,
            "certificate_passed": entry.passed,
            **entry.metrics,
            "seconds": taken.get(entry.id, known.get(entry.id)),
        }
        for entry in entries
    ]


def outcome(entry: Entry) -> str:
    """``finished``, ``fell`` (or diverged: the reason says), ``failed`` or ``refused``."""
    return {"done": "finished", "dropped": "fell"}.get(entry.status, entry.status)


def totals(clips: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How many clips ended how, and the mean of each number over those that finished."""
    finished = [clip for clip in clips if clip["outcome"] == "finished"]
    counts = {
        name: sum(c["outcome"] == name for c in clips) for name in ("finished", "fell", "failed", "refused")
    }
    keys = [*COLUMNS, *(f"{name}_{when}" for name in TWICE for when in ("before", "after"))]
    means = {key: _mean([clip[key] for clip in finished if key in clip]) for key in keys}
    return {**counts, "mean_over_finished": means}


def write(folder: Path, clips: Sequence[Mapping[str, Any]], configuration: Mapping[str, Any]) -> None:
    """Both files; each is replaced in one step."""
    found = {"totals": totals(clips), "configuration": configuration, "clips": list(clips)}
    with atomic_path(folder / JSON) as path:
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    with atomic_path(folder / MARKDOWN) as path:
        path.write_text(_markdown(clips), encoding="utf-8")


def read(folder: Path) -> list[dict[str, Any]]:
    """The clips of an earlier report; none where there is no readable one."""
    try:
        clips = json.loads((folder / JSON).read_text(encoding="utf-8"))["clips"]
        return [dict(clip) for clip in clips]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def cells(clip: Mapping[str, Any]) -> dict[str, str]:
    """The numbers of a clip as words, under the keys of ``HEADINGS``."""
    single = {key: _number(clip.get(key), factor, digits) for key, (_, factor, digits) in COLUMNS.items()}
    double = {
        key: " → ".join(_number(clip.get(f"{key}_{when}"), factor, digits) for when in ("before", "after"))
        for key, (_, factor, digits) in TWICE.items()
    }
    return {**single, **double, "seconds": _number(clip.get("seconds"), 1.0, ".1f")}


def _markdown(clips: Sequence[Mapping[str, Any]]) -> str:
    found = totals(clips)
    counts = ", ".join(f"{found[name]} {name}" for name in ("finished", "fell", "failed", "refused"))
    names = ["clip", "outcome", *HEADINGS.values()]
    lines = ["# Refinement", "", f"{len(clips)} clips: {counts}.", ""]
    lines += ["| " + " | ".join(names) + " |", "|---|---|" + "---:|" * len(HEADINGS)]
    for clip in clips:
        lines.append(
            f"| {_cell(clip['clip'])} | {clip['outcome']} | " + " | ".join(cells(clip).values()) + " |"
        )
    if any(clip["outcome"] == "finished" for clip in clips):
        means = cells(found["mean_over_finished"]).values()
        lines.append("| mean of those that finished | | " + " | ".join(means) + " |")
    wrong = [clip for clip in clips if clip["reason"]]
    if wrong:
        lines += ["", "## What did not finish", ""]
        lines += [f"- {_cell(clip['clip'])}: {_cell(clip['reason'])}" for clip in wrong]
    return "\n".join([*lines, "", NOTE, ""])


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


def _number(value: float | None, factor: float, digits: str) -> str:
    return "–" if value is None else f"{factor * value:{digits}}"


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
