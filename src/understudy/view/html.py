"""The report of one clip as a single page: verdict, numbers, curves, and pictures of the worst moments.

The page needs nothing but itself: styles, curves and pictures are inside.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from understudy.kinematics import landmark_tracks
from understudy.motion.files import atomic_path
from understudy.motion.types import HumanMotion, Origin, RobotMotion
from understudy.robots import load
from understudy.robots.robot import Robot
from understudy.view import plots
from understudy.view.contacts import LEFT, RIGHT, side_colour, touching
from understudy.view.machine import title
from understudy.view.pictures import Drawn, cast, choose_renderer, clock, stills, strip
from understudy.view.scene import Scene, compose
from understudy.view.story import number, settings
from understudy.view.style import STYLE

MOST_PICTURES = 8
STILL, PORTRAIT = (560, 350), (150, 190)
WORST_OF = (
    ("keypoint_error_m", "Largest key-point error", 100.0, "cm"),
    ("max_joint_step_rad", "Largest joint step", 1.0, "rad"),
)
"""Series whose highest frame deserves a picture: name, caption, factor, and the unit after it."""
_TICK, _CROSS = '<span class="tick">✓</span>', '<span class="cross">✗</span>'


@dataclass(frozen=True)
class Moment:
    """A frame of the robot's clip that is worth a picture, and why."""

    frame: int
    reasons: tuple[str, ...]
    failed: bool


def write_report(
    path: str | Path,
    report: Mapping[str, Any],
    human: HumanMotion | None,
    robot_motion: RobotMotion,
    robot: Robot | None = None,
    *,
    renderer: str | None = None,
) -> Drawn:
    """Write the page of a report, as ``understudy.evaluate`` gives it (``Report.to_dict()``).

    Whatever the report lacks is left out of the page. ``robot`` saves the look-up by name; ``renderer`` is
    chosen as for ``video``. Nothing is left at ``path`` if anything fails.
    """
    robot = load(robot_motion.robot) if robot is None else robot
    name, note = choose_renderer(renderer)
    actors = cast([human, robot_motion], robot, meshes=name != "software")
    scene = compose(actors, robot_motion.fps)
    body = "\n".join(
        [
            _header(report, robot_motion),
            _film_strip(scene, name),
            _checks(report),
            _remarks(report),
            _worst(scene, worst_moments(report), name),
            _metrics(report),
            _curves(report, human, robot_motion, robot),
            _contacts(robot_motion),
            _joints(robot_motion, robot),
            _origin(robot_motion.origin, human),
        ]
    )
    heading = escape(f"{report.get('clip') or 'clip'} on {title(robot_motion.robot)}")
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{heading}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body><main>{body}</main></body></html>\n"
    )
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return Drawn(Path(path), name, note)


def worst_moments(report: Mapping[str, Any]) -> list[Moment]:
    """The frames worth a picture: the worst of every check and metric that names one, failed checks first."""
    found: dict[int, tuple[list[str], bool]] = {}

    def add(frame: int, reason: str, failed: bool) -> None:
        reasons, bad = found.setdefault(frame, ([], False))
        found[frame] = ([*reasons, reason], bad or failed)

    entries = [*(report.get("certificate") or {}).get("checks", ()), *report.get("metrics", ())]
    # Where the worst value is next to nothing, nothing happened, and any frame shows that.
    for entry in sorted(entries, key=lambda e: e.get("passed", True)):
        value = entry.get("value") or 0.0
        if entry.get("worst_frame") is not None and value > 0.01 * (entry.get("threshold") or 0.0):
            what = f"{_label(entry)}: {number(value)} {entry.get('unit') or ''}"
            where = f", {entry['where']}" if entry.get("where") else ""
            add(int(entry["worst_frame"]), what + where, not entry.get("passed", True))
    for key, caption, factor, unit in WORST_OF:
        values = plots.series(report, key)
        if values is not None and np.isfinite(values).any():
            frame = int(np.nanargmax(values))
            add(frame, f"{caption}: {number(float(values[frame]) * factor)} {unit}", False)
    return [Moment(frame, tuple(reasons), bad) for frame, (reasons, bad) in found.items()][:MOST_PICTURES]


def _label(entry: Mapping[str, Any]) -> str:
    """What a check or a metric is called."""
    return str(entry.get("label") or entry.get("name") or entry.get("key") or "?")


def _header(report: Mapping[str, Any], motion: RobotMotion) -> str:
    certificate = report.get("certificate")
    if certificate is None:
        badge = '<span class="badge none">not certified</span>'
    elif certificate.get("passed"):
        badge = '<span class="badge good">certificate passed</span>'
    else:
        checks = certificate.get("checks", ())
        failed = sum(not c.get("passed") for c in checks)
        badge = f'<span class="badge bad">certificate failed: {failed} of {len(checks)} checks</span>'
    clip = escape(str(report.get("clip") or "Clip"))
    facts = f"{motion.frames} frames · {motion.fps:g} fps · {clock(motion.duration)}"
    return (
        f'<header><p class="brand">understudy report</p><h1>{clip}</h1>'
        f'<p class="facts">{escape(title(motion.robot))} · {facts}</p>{badge}</header>'
    )


def _film_strip(scene: Scene, renderer: str, moments: int = 6) -> str:
    frames = np.rint(np.linspace(0, scene.frames - 1, moments)).astype(int).tolist()
    rows = strip(scene, frames, PORTRAIT, renderer)
    cells = [
        "<figure>"
        + "".join(
            _image(row[i], f"{actor.label} at {clock(f / scene.fps)}")
            for row, actor in zip(rows, scene.actors, strict=True)
        )
        + f"<figcaption>{clock(f / scene.fps)}</figcaption></figure>"
        for i, f in enumerate(frames)
    ]
    return f'<section class="strip">{"".join(cells)}</section>'


def _checks(report: Mapping[str, Any]) -> str:
    checks = (report.get("certificate") or {}).get("checks", ())
    if not checks:
        return ""
    rows = [
        [
            f"{_TICK if c.get('passed') else _CROSS} {escape(_label(c))}",
            f"<b>{number(c.get('value'))}</b>",
            f"{number(c.get('threshold'))} {escape(str(c.get('unit') or ''))}",
            number(c.get("worst_frame")),
            "–" if c.get("worst_time") is None else clock(float(c["worst_time"])),
            escape(str(c.get("where") or "–")),
        ]
        for c in checks
    ]
    return (
        "<section><h2>Certificate</h2>"
        + _table(("Check", "Worst value", "At most", "Frame", "Time", "Where"), rows, numeric=(1, 2, 3, 4))
        + "</section>"
    )


def _remarks(report: Mapping[str, Any]) -> str:
    """What to read the numbers with: all that the report says, or else its certificate."""
    remarks = report.get("remarks") or (report.get("certificate") or {}).get("remarks") or ()
    items = "".join(f"<li>{escape(str(words))}</li>" for words in remarks)
    return f"<section><h2>Remarks</h2><ul>{items}</ul></section>" if items else ""


def _metrics(report: Mapping[str, Any]) -> str:
    metrics = report.get("metrics") or ()
    if not metrics:
        return ""
    arrows = {"lower": "↓", "higher": "↑"}
    rows = [
        [
            escape(_label(m)),
            f"<b>{number(m.get('value'))}</b>",
            escape(str(m.get("unit") or "")),
            arrows.get(str(m.get("better")), ""),
            f'<span class="note">{escape(str(m.get("note") or ""))}</span>',
        ]
        for m in metrics
    ]
    return (
        "<section><h2>Metrics</h2>"
        + _table(("Metric", "Value", "Unit", "Better", "Note"), rows, numeric=(1,))
        + "</section>"
    )


def _worst(scene: Scene, moments: Sequence[Moment], renderer: str) -> str:
    moments = [m for m in moments if 0 <= m.frame < scene.frames]
    if not moments:
        return ""
    pictures = stills(scene, [m.frame for m in moments], STILL, renderer)
    figures = []
    for moment, picture in zip(moments, pictures, strict=True):
        words = "<br>".join(escape(reason) for reason in moment.reasons)
        image = _image(picture, "; ".join(moment.reasons))
        figures.append(
            f'<figure class="{"failed" if moment.failed else ""}">{image}'
            f"<figcaption><b>frame {moment.frame}</b> {words}</figcaption></figure>"
        )
    return f'<section><h2>Worst moments</h2><div class="moments">{"".join(figures)}</div></section>'


def _curves(report: Mapping[str, Any], human: HumanMotion | None, motion: RobotMotion, robot: Robot) -> str:
    found = (_feet(report), _key_points(report), _collision(report), _pelvis(human, motion, robot))
    panels = [panel for panel in found if panel is not None]
    return f"<section><h2>Over time</h2>{plots.curves(panels, motion.fps)}</section>" if panels else ""


def _contacts(motion: RobotMotion) -> str:
    """When feet, and whatever else, rest on the floor, as the clip itself tells."""
    found = touching(motion.tracks)
    shown = {name: so for name, so in found.items() if so.any() or name.endswith(("_toe", "_heel"))}
    if not shown:
        return ""
    return (
        "<section><h2>Contacts</h2><p>When each part rests on the floor, as the clip's own tracks tell.</p>"
        f"{plots.strips(shown, side_colour, motion.fps)}</section>"
    )


def _feet(report: Mapping[str, Any]) -> plots.Panel | None:
    colours = {"left": LEFT, "right": RIGHT}
    heights = {side: plots.series(report, f"{side}_sole_height_m") for side in colours}
    found = tuple(
        plots.Curve(f"{side} sole", 100 * h, colours[side]) for side, h in heights.items() if h is not None
    )
    stance = {side: plots.series(report, f"{side}_stance") for side in colours}
    bars = tuple((colours[side], s > 0.5) for side, s in stance.items() if s is not None)
    shaded = "; bars while the human stands on that foot" if bars else ""
    return plots.Panel(f"Lowest point of each sole{shaded}", "cm", found, bars, limit=0.0) if found else None


def _key_points(report: Mapping[str, Any]) -> plots.Panel | None:
    error = plots.series(report, "keypoint_error_m")
    if error is None:
        return None
    worst = int(np.nanargmax(error)) if np.isfinite(error).any() else None
    return plots.Panel(
        "Key-point error",
        "cm",
        (plots.Curve("error", 100 * error, plots.PLAIN),),
        at_least=2.0,
        worst=worst,
    )


def _collision(report: Mapping[str, Any]) -> plots.Panel | None:
    depth = plots.series(report, "self_collision_depth_m")
    if depth is None:
        return None
    depth = 1000 * np.maximum(depth, 0)
    worst = int(np.nanargmax(depth)) if np.nanmax(depth, initial=0.0) > 0 else None
    return plots.Panel(
        "Depth of self-collision",
        "mm",
        (plots.Curve("depth", depth, plots.PLAIN),),
        at_least=2.0,
        worst=worst,
    )


def _pelvis(human: HumanMotion | None, motion: RobotMotion, robot: Robot) -> plots.Panel | None:
    """The heights of both; nothing for a robot whose base is fixed."""
    if robot.fixed_base:
        return None
    own = landmark_tracks(robot, motion)[0][:, robot.landmarks.index("pelvis"), 2]
    lines = [plots.Curve(title(robot.name), 100 * own.astype(float), plots.PLAIN)]
    if human is not None and "pelvis" in human.skeleton.landmarks.names:
        rows = np.rint(np.arange(motion.frames) * human.fps / motion.fps).astype(int)
        pelvis = human.landmarks()[0][:, human.skeleton.landmarks.index("pelvis"), 2]
        lines.append(plots.Curve("human", 100 * pelvis[np.minimum(rows, human.frames - 1)], plots.HUMAN))
    return plots.Panel("Height of the pelvis", "cm", tuple(lines))


def _joints(motion: RobotMotion, robot: Robot) -> str:
    speed = np.abs(np.diff(motion.joint_pos.astype(float), axis=0, prepend=motion.joint_pos[:1])) * motion.fps
    share = speed / np.maximum(robot.velocity_limit, 1e-9)
    positions = plots.joint_positions(robot.joints, motion.joint_pos, robot.lower, robot.upper, motion.fps)
    return (
        "<section><h2>Joint positions</h2><p>In rad, between the limits of the hardware (red).</p>"
        f"{positions}</section><section><h2>Joint speeds</h2>"
        f"<p>As a share of each motor's top speed; the fastest is at {100 * share.max():.0f} %.</p>"
        f"{plots.joint_speeds(robot.joints, share, motion.fps)}</section>"
    )


def _origin(origin: Origin, human: HumanMotion | None) -> str:
    rows = [("Source", origin.source), ("Licence", origin.licence), ("Words", "; ".join(origin.texts))]
    if human is not None:
        rows.append(("Skeleton", f"{human.skeleton.name}, {human.frames} frames at {human.fps:g} fps"))
        rows += [(f"Found: {key}", why) for key, why in human.origin.inferred.items()]
    rows += [(f"Arrow: {step.get('arrow', '?')}", settings(step) or "–") for step in origin.history]
    cells = [[escape(key), f'<span class="note">{escape(str(value))}</span>'] for key, value in rows if value]
    return f"<section><h2>Origin</h2>{_table((), cells)}</section>" if cells else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[int] = ()) -> str:
    """A table of cells that are HTML already; columns in ``numeric`` are set flush right."""

    def row(tag: str, cells: Sequence[str]) -> str:
        return (
            "<tr>"
            + "".join(
                f"<{tag}{' class=num' if i in numeric else ''}>{cell}</{tag}>" for i, cell in enumerate(cells)
            )
            + "</tr>"
        )

    top = f"<thead>{row('th', head)}</thead>" if head else ""
    return f"<table>{top}<tbody>{''.join(row('td', cells) for cells in rows)}</tbody></table>"


def _image(picture: np.ndarray, words: str) -> str:
    data = io.BytesIO()
    Image.fromarray(picture).save(data, format="JPEG", quality=88)
    encoded = base64.b64encode(data.getvalue()).decode("ascii")
    return f'<img alt="{escape(words)}" src="data:image/jpeg;base64,{encoded}">'
