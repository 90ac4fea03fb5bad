"""What can be said about a human clip at a glance: the body, the clip, and all that its reader concluded."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from understudy.errors import SkeletonMismatch
from understudy.motion.floor import floor_height
from understudy.motion.landmarks import SIDES
from understudy.motion.posture import leg_length, stature
from understudy.motion.types import HumanMotion
from understudy.rotations import quat_apply, quat_conj

ANKLE_HEIGHT = 0.045
"""Height of the ankle above the sole in flat standing, as a part of the standing height."""

STRAIGHT = 0.85
"""Cosine of the angle to the head's up axis within which a joint on the head counts as its top."""


@dataclass(frozen=True)
class MotionInfo:
    """The findings about one clip. Lengths in metres, times in seconds.

    ``landmarks`` maps each name to the joint that carries it and how it lies there. ``stature`` is the height
    of the body if it stood upright, from sole to head top; ``leg_length`` the way from hip to ankle along the
    bones; ``floor`` the height of the ground that the feet suggest (m, world z).
    """

    name: str
    joints: int
    landmarks: Mapping[str, str]
    fps: float
    frames: int
    duration: float
    stature: float
    leg_length: float
    floor: float
    inferred: Mapping[str, str]
    texts: tuple[str, ...]
    source: str
    licence: str
    history: tuple[Mapping[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dicts, lists, texts and numbers, ready for JSON."""
        out = asdict(self)
        return {**out, "texts": list(self.texts), "history": [dict(h) for h in self.history]}


SIZED_BY = ("pelvis", "chest", "head", *(f"{s}_{p}" for s in SIDES for p in ("hip", "knee", "ankle")))
"""The landmarks without which nothing can be said about the size of a body."""


def describe(motion: HumanMotion) -> MotionInfo:
    """Look at a clip. Raises SkeletonMismatch for a skeleton that lacks one of ``SIZED_BY``."""
    skeleton = motion.skeleton
    missing = [name for name in SIZED_BY if name not in skeleton.landmarks.names]
    if missing:
        raise SkeletonMismatch(
            f"The size of skeleton {skeleton.name!r} cannot be told: no {', no '.join(missing)}."
        )
    pos, _ = motion.landmarks()
    points = {name: pos[:, i].astype(np.float64) for i, name in enumerate(skeleton.landmarks.names)}
    height = _stature(motion, points)
    return MotionInfo(
        name=skeleton.name,
        joints=len(skeleton.joints),
        landmarks=_placements(motion),
        fps=motion.fps,
        frames=motion.frames,
        duration=motion.duration,
        stature=height,
        leg_length=leg_length(points),
        floor=floor_height(motion),
        inferred=dict(motion.origin.inferred),
        texts=tuple(motion.origin.texts),
        source=motion.origin.source,
        licence=motion.origin.licence,
        history=tuple(motion.origin.history),
    )


def _placements(motion: HumanMotion) -> dict[str, str]:
    marks = motion.skeleton.landmarks
    out = {}
    for name, carrier, place in zip(marks.names, marks.carriers, marks.pos, strict=True):
        joint, away = motion.skeleton.joints[carrier], 100.0 * float(np.linalg.norm(place))
        out[name] = joint if away < 0.01 else f"{joint} ({away:.1f} cm from it)"
    return out


def _stature(motion: HumanMotion, points: Mapping[str, np.ndarray]) -> float:
    """From proportions; with the true head top instead of a usual skull where the skeleton goes that far."""
    usual = stature(points)
    top = _head_top(motion)
    if not 0.06 * usual < top < 0.18 * usual:
        return usual
    trunk = [np.mean([points[f"{side}_hip"] for side in SIDES], axis=0)]
    trunk += [points[n] for n in ("spine", "chest", "neck", "head") if n in points]
    way = sum(float(np.median(np.linalg.norm(a - b, axis=-1))) for a, b in pairwise(trunk))
    return (leg_length(points) + way + top) / (1.0 - ANKLE_HEIGHT)


def _head_top(motion: HumanMotion) -> float:
    """How far the ends straight above the head reach (m), which leaves out eyes and jaws; zero without
    any."""
    skeleton = motion.skeleton
    head = skeleton.landmarks.index("head")
    carrier = int(skeleton.landmarks.carriers[head])
    above = [0.0]
    for j in np.flatnonzero(skeleton.parents == carrier):
        place = quat_apply(quat_conj(motion.quat[0, carrier]), motion.pos[0, j] - motion.pos[0, carrier])
        place = quat_apply(quat_conj(skeleton.landmarks.quat[head]), place)
        if j not in skeleton.parents and place[2] > STRAIGHT * np.linalg.norm(place):
            above.append(float(place[2]))
    return max(above)
