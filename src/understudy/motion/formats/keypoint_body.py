"""From a tracker's points to a motion: axes, unit and place settled from the body, orientations completed.

Each conclusion is written into ``origin.inferred`` with its reason, and has an option that overrides it.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from understudy.errors import FormatError, LimitError, ShapeError, SkeletonMismatch
from understudy.motion.completion import complete
from understudy.motion.completion_points import Seen, bridged, placed
from understudy.motion.formats.doors import LARGEST
from understudy.motion.formats.keypoint_layouts import LAYOUTS
from understudy.motion.landmarks import SIDES
from understudy.motion.ops import FASTEST
from understudy.motion.posture import stature, unit
from understudy.motion.types import HumanMotion, Origin

Points = dict[str, np.ndarray]

# World axes (x forward, y left, z up) as rows of the file's axes, all of them rotations. With y up a body that faces
# the file's z faces x; with y down, as in images, one that faces the camera does.
WORLD_FROM = {
    "x": ((0, 1, 0), (0, 0, 1), (1, 0, 0)),
    "y": ((0, 0, 1), (1, 0, 0), (0, 1, 0)),
    "z": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "-x": ((0, 1, 0), (0, 0, -1), (-1, 0, 0)),
    "-y": ((0, 0, -1), (1, 0, 0), (0, -1, 0)),
    "-z": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
}
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}
STATURE = (1.0, 2.4)
"""Standing heights (m) of the people that trackers see."""
STANDS = 0.5
"""How much of the body's mean direction from hips to shoulders an axis must hold to be the vertical."""
SIDED = 0.3
"""How surely left must be on the right before the axes count as left-handed, from 0 to 1."""
CENTRED = 0.005
"""How far (m) the hips may be from the origin in a file whose origin they are."""


def check_options(fps: float | None, up: str | None, unit: float | None) -> None:
    """Raises LimitError for options that fit no file."""
    if fps is not None and not 0 < fps <= FASTEST:
        raise LimitError(f"fps must be a positive number of frames a second, at most {FASTEST:g}; got {fps}.")
    if up is not None and up not in WORLD_FROM:
        raise LimitError(f"up must be one of {', '.join(map(repr, WORLD_FROM))}; got {up!r}.")
    if unit is not None and not 0 < unit < np.inf:
        raise LimitError(f"unit is the length of one unit of the file in metres, above zero; got {unit}.")


def motion_of_points(
    path: Path,
    layout: str,
    pos: Float[np.ndarray, "time point 3"],
    confidence: Float[np.ndarray, "time point"],
    fps: float,
    origin: Origin,
    *,
    up: str | None,
    unit: float | None,
) -> HumanMotion:
    """The motion of one person's points in the file's axes and unit; NaN is a gap, ``confidence`` in [0, 1].

    Raises FormatError for points that are no body, or whose vertical or unit cannot be told.
    """
    known = LAYOUTS[layout]
    with np.errstate(invalid="ignore"):
        pos = np.where(np.abs(pos) < LARGEST, pos, np.nan)
    rows = [(row, name) for row, name in enumerate(known.points) if name != "-"]
    points = {name: pos[:, row] for row, name in rows}
    sure = {name: confidence[:, row] for row, name in rows}
    inferred = dict(origin.inferred)

    def seen() -> Seen:
        return placed(bridged(points, sure))

    try:
        up, inferred["up"] = _up(seen(), up, known.up, path)
        points = {name: v @ np.array(WORLD_FROM[up], np.float64).T for name, v in points.items()}
        if _leftness(seen()) < -SIDED:
            points = {name: v * [1.0, -1.0, 1.0] for name, v in points.items()}
            inferred["axes"] = (
                "left-handed: left was on the right of a body that looks and walks forward; mirrored"
            )
        scale, inferred["unit"] = _unit(seen(), unit, path)
        points = {name: scale * v for name, v in points.items()}
        points, inferred["place"] = _place(points, seen())
        return complete(points, fps, confidence=sure, name=layout, origin=replace(origin, inferred=inferred))
    except (SkeletonMismatch, ShapeError) as error:
        raise FormatError(path, str(error)) from error


def _up(seen: Seen, given: str | None, usual: str | None, path: Path) -> tuple[str, str]:
    """The axis along which the trunk stands over the clip; the tracker's own convention if it does not stand."""
    if given is not None:
        return given, f"{given}: as given"
    mean = unit(seen.middle("shoulder") - seen.middle("hip")).mean(0)
    axis = int(np.abs(mean).argmax())
    name = ("-" if mean[axis] < 0 else "") + "xyz"[axis]
    if np.abs(mean[axis]) > STANDS:
        return name, f"{name}: the body stands along it"
    if usual is not None:
        return usual, f"{usual}: the tracker's convention; the body does not stand"
    raise FormatError(
        path,
        "the body stands along no axis, so the vertical cannot be told. Give it with the option 'up' (--up): "
        f"one of {', '.join(WORLD_FROM)}.",
    )


def _leftness(seen: Seen) -> float:
    """How surely what is called left is on the left, from −1 (on the right) to 1, by face, feet and knees."""
    p = seen.pos
    forward = np.zeros_like(p["left_hip"])
    if "nose" in p and "left_ear" in p and "right_ear" in p:
        forward += p["nose"] - seen.middle("ear")
    for side in SIDES:
        if f"{side}_toe" in p:
            forward += p[f"{side}_toe"] - p[f"{side}_ankle"]
        forward += p[f"{side}_knee"] - 0.5 * (p[f"{side}_hip"] + p[f"{side}_ankle"])
    trunk = seen.middle("shoulder") - seen.middle("hip")
    across = p["left_hip"] - p["right_hip"]
    left = np.cross(trunk, forward)
    size = np.linalg.norm(across, axis=-1) * np.linalg.norm(left, axis=-1)
    return float(np.mean((across * left).sum(-1) / np.maximum(size, 1e-12)))


def _unit(seen: Seen, given: float | None, path: Path) -> tuple[float, str]:
    if given is not None:
        return given, f"{given:g} m: as given"
    height = stature(seen.pos)
    for name, metres in UNITS.items():
        if STATURE[0] <= height * metres <= STATURE[1]:
            return metres, f"{name}: the body is {height * metres:.2f} m tall then"
    raise FormatError(
        path,
        f"the body is {height:.3g} units tall, which is no human height in m, cm or mm. Points in image coordinates "
        "cannot be used; if these are not, give the length of a unit in metres with the option 'unit' (--unit).",
    )


def _place(points: Points, seen: Seen) -> tuple[Points, str]:
    """Points whose origin travels with the hips stand on the floor in each frame; others stay where they are."""
    hips = seen.middle("hip")
    if len(hips) < 2 or np.abs(hips).max() > CENTRED:
        return points, "as in the file"
    feet = [name for name in seen.pos if name.endswith(("ankle", "heel", "toe_tip", "small_toe"))]
    lowest = np.min([seen.pos[name][:, 2] for name in feet], axis=0)
    lift = np.stack([0 * lowest, 0 * lowest, -lowest], axis=-1)
    return {name: v + lift for name, v in points.items()}, (
        "the file's origin is between the hips, so the way over the floor and jumps are lost; in each frame the "
        "lowest point of the feet is put on the floor"
    )
