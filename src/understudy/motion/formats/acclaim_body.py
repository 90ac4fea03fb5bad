"""What motions on Acclaim skeletons have in common, whether they come as AMC or as exponential maps.

A joint lies where its bone starts and is named like it. All positions are in the file's axes and units until the
body itself has settled what those are.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from understudy.errors import FormatError, SkeletonMismatch
from understudy.motion.biped import Biped, find_landmarks
from understudy.motion.calibrate import calibrate
from understudy.motion.formats import bvh_settle as settle
from understudy.motion.formats.bvh_pose import rest_positions, world_poses
from understudy.motion.landmarks import SIDES
from understudy.motion.posture import points_of, stature
from understudy.motion.types import HumanMotion, Origin, Skeleton

CMU_UNIT = 0.0254 / 0.45
"""Metres in a unit of the CMU set, whose skeletons are in inches divided by 0.45."""
SAMPLES = 200
"""Poses that are looked at to find the body."""


@dataclass(frozen=True)
class AcclaimBody:
    """Joints, parents before children, and their offsets from their parents at rest."""

    name: str
    joints: tuple[str, ...]
    parents: Int[np.ndarray, "joint"]
    offsets: Float[np.ndarray, "joint 3"]


def acclaim_motion(
    path: Path,
    body: AcclaimBody,
    pos: Float[np.ndarray, "time joint 3"],
    quat: Float[np.ndarray, "time joint 4"],
    fps: float,
    *,
    unit: float | None,
    stated_unit: float,
    up: str | None,
    origin: Origin,
    t_pose_first: bool = False,
) -> HumanMotion:
    """The motion of a body from local poses, in the world: z up, metres.

    ``unit`` (m) and ``up`` are as the user says or None; ``stated_unit`` is what the files say. With
    ``t_pose_first``, leading frames that are a T-pose and no motion are dropped. ``origin`` is completed by what was
    concluded. Raises FormatError if there is no human body in it.
    """
    inferred = dict(origin.inferred)
    pos, quat = world_poses(body.parents, pos, quat)
    biped = _find(path, body, pos)
    rest = rest_positions(body.parents, body.offsets)
    up, inferred["up"] = (up, f"{up}: as given") if up else settle.settle_up(biped, rest, _sample(pos))
    scale, inferred["unit"] = _unit(biped, pos, unit, stated_unit)
    first = 0
    if t_pose_first:
        first, inferred["first frame"] = settle.settle_first_frame(biped, pos, up, fps)
    rest, offsets = (scale * settle.to_world_axes(v, up) for v in (rest, body.offsets))
    pos, quat = scale * settle.to_world_axes(pos, up), settle.to_world_quat(quat, up)
    known = calibrate(biped, body.joints, rest, pos, quat, fps, first)
    inferred["landmarks"] = f"{biped.how}; {known.how}"
    inferred["placed"] = "; ".join(f"{name}: {how}" for name, how in known.placed.items())
    inferred |= {"sides": biped.warning} if biped.warning else {}
    skeleton = Skeleton(body.name, body.joints, body.parents, offsets.astype(np.float32), known.landmarks)
    return HumanMotion(skeleton, fps, pos[first:], quat[first:], origin=replace(origin, inferred=inferred))


def _find(path: Path, body: AcclaimBody, pos: np.ndarray) -> Biped:
    """The body. Acclaim's forearm is two bones, the second of which twists: the hand bends where that one ends."""
    try:
        biped = find_landmarks(body.joints, body.parents, _sample(pos))
    except SkeletonMismatch as error:
        raise FormatError(path, str(error)) from error
    joints, fingers = dict(biped.joints), dict(biped.fingers)
    for side in SIDES:
        wrist, hand, finger = (side[0] + part for part in ("wrist", "hand", "fingers"))
        if body.joints[joints[f"{side}_wrist"]] == wrist and {hand, finger} <= set(body.joints):
            joints[f"{side}_wrist"] = body.joints.index(hand)
            fingers[f"{side}_hand"] = (body.joints.index(finger),)
    return replace(biped, joints=joints, fingers=fingers)


def _unit(biped: Biped, pos: np.ndarray, given: float | None, stated: float) -> tuple[float, str]:
    if given is not None:
        return given, f"{given:g} m: as given"
    height = stature(points_of(biped, _sample(pos)))
    low, high = settle.HUMAN_STATURE
    if low <= height * stated <= high:
        return (
            stated,
            f"{100 * stated:.4g} cm, as the skeleton says: the body is {height * stated:.2f} m tall",
        )
    return settle.settle_unit(biped, _sample(pos))


def _sample(pos: np.ndarray) -> np.ndarray:
    return pos[np.unique(np.linspace(0, len(pos) - 1, SAMPLES).astype(int))]
