"""Orientations for sources that give points only, completed at the door.

Bones give two of a frame's three angles. The third comes from hinges (knees and elbows, which bend one way) while they
bend and from the direction of the feet, carried over time where limbs are straight (``completion_twist``). Trunk and
head take their pitch from upright standing and feet from flat stance, as in calibration. What is never seen is put by
proportion. ``tracks["confidence"]`` says frame by frame and joint by joint what was seen: 0 means made up.

Positions stay where they were seen, although tracked bones change their lengths from frame to frame: feet stay on the
floor that way, and retargeting reads bone directions and median lengths. The skeleton's offsets are those medians.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from understudy.errors import SkeletonMismatch
from understudy.motion.biped import Biped
from understudy.motion.calibrate_sole import level_feet
from understudy.motion.completion_frames import Frames, arm_frames, ends, leg_frames, trunk_frames
from understudy.motion.completion_points import Seen, bridged, placed
from understudy.motion.landmarks import LANDMARKS, PARENT_OF, SIDES, Landmarks
from understudy.motion.types import HumanMotion, Origin, Skeleton
from understudy.rotations import quat_apply, quat_conj, quat_continuous, quat_mul

SHORTEST = 0.01
"""Bones shorter than this (m, the median over the clip) are no bones."""
SOLE_TRUST = 0.3
"""Seconds of flat stance that weigh as much as the foot's own points."""
BONES = (
    *(("left_hip", "right_hip"), ("left_shoulder", "right_shoulder"), ("left_hip", "left_shoulder")),
    *(
        (f"{side}_{a}", f"{side}_{b}")
        for side in SIDES
        for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
    ),
)
NOWHERE = Origin()


def complete(
    points: Mapping[str, Float[np.ndarray, "time 3"]],
    fps: float,
    *,
    confidence: Mapping[str, Float[np.ndarray, "time"]] | None = None,
    name: str = "points",
    origin: Origin = NOWHERE,
) -> HumanMotion:
    """A motion on a skeleton of all landmarks, from points in the world frame (m, z up).

    ``points`` are named like landmarks or ``completion_points.EXTRAS``; NaN is a gap. ``confidence`` lies in [0, 1] and
    is 1 where it is not given. ``origin.inferred`` tells what was placed without being seen. Raises SkeletonMismatch if
    hips and shoulders are never seen or the points are no body.
    """
    everywhere = {key: np.ones(len(pos)) for key, pos in points.items()}
    seen = placed(bridged(points, everywhere | dict(confidence or {})))
    _check_bones(seen)
    frames = trunk_frames(seen, fps)
    for side in SIDES:
        frames |= leg_frames(seen, side, frames["pelvis"], fps)
        frames |= arm_frames(seen, side, frames["chest"], fps)
    feet_seen = all(f"{side}_toe" in seen for side in SIDES)
    seen = ends(seen, frames)
    pos = np.stack([seen.pos[key] for key in LANDMARKS], axis=1)
    soles = "feet are flat while their ankles are low"
    if feet_seen:
        frames, soles = _levelled(frames, pos, fps)
    quat = quat_continuous(np.stack([frames[key] for key in LANDMARKS], axis=1))
    sure = np.stack([seen.confidence[key] for key in LANDMARKS], axis=1).astype(np.float32)
    inferred = {
        **origin.inferred,
        "orientations": f"completed from points: bones, hinges, continuity; {soles}",
        "placed": "; ".join(f"{key}: {seen.how[key]}" for key in LANDMARKS if key in seen.how),
        "gaps": f"{100 * (1 - _share_seen(sure)):.1f} % of the landmarks' frames were bridged or made up",
    }
    return HumanMotion(
        _skeleton(name, pos, quat), fps, pos, quat, {"confidence": sure}, replace(origin, inferred=inferred)
    )


def _share_seen(confidence: np.ndarray) -> float:
    return float((confidence > 0).mean())


def _check_bones(seen: Seen) -> None:
    for a, b in BONES:
        length = float(np.median(np.linalg.norm(seen.pos[a] - seen.pos[b], axis=-1)))
        if not SHORTEST < length < 1e4:
            raise SkeletonMismatch(f"These points are no body: {a} and {b} are {length:.3g} m apart.")


def _levelled(frames: Frames, pos: np.ndarray, fps: float) -> tuple[Frames, str]:
    """Feet turned by constants so that their soles are level while they stand flat."""
    body = Biped({name: k for k, name in enumerate(LANDMARKS)})
    still = np.array([1.0, 0.0, 0.0, 0.0])
    marks = [f"{side}_{part}" for side in SIDES for part in ("ankle", "toe")]
    quat = np.stack([frames[name] for name in LANDMARKS], axis=1)
    found, said = level_feet(body, dict.fromkeys(marks, still), pos, quat, fps, SOLE_TRUST)
    return frames | {name: quat_mul(frames[name], found[name]) for name in marks}, said


def _skeleton(name: str, pos: np.ndarray, quat: np.ndarray) -> Skeleton:
    """Joints are the landmarks; offsets have the bones' median lengths and mean directions."""
    parents = np.array([LANDMARKS.index(PARENT_OF[key]) if key in PARENT_OF else -1 for key in LANDMARKS])
    local = quat_apply(quat_conj(quat[:, parents]), pos - pos[:, parents])
    mean = local.mean(0)
    length = np.median(np.linalg.norm(local, axis=-1), axis=0)
    offsets = mean * (length / np.maximum(np.linalg.norm(mean, axis=-1), 1e-9))[:, None]
    offsets[0] = 0.0
    rows = np.arange(len(LANDMARKS))
    still = np.tile(np.array([1, 0, 0, 0], np.float32), (len(rows), 1))
    marks = Landmarks(LANDMARKS, rows, np.zeros((len(rows), 3), np.float32), still)
    return Skeleton(name, LANDMARKS, parents, offsets.astype(np.float32), marks)
