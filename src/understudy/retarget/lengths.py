"""A robot's own measures: its limb bones, what its size is told by, and the soles of its feet."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from understudy.errors import LimitError
from understudy.kinematics.poses import landmark_tracks, posed
from understudy.motion.landmarks import SIDES
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply, quat_conj

LEG = {f"{side}_{a}": f"{side}_{b}" for side in SIDES for a, b in (("hip", "knee"), ("knee", "ankle"))}
ARM = {f"{side}_{a}": f"{side}_{b}" for side in SIDES for a, b in (("shoulder", "elbow"), ("elbow", "wrist"))}
BONES = LEG | ARM
"""Limb bones, each by the landmark that it begins at and turns with, and where it ends."""


@dataclass(frozen=True)
class RobotLengths:
    """A robot's own measures in its T-pose (m): the bones that it has as vectors, the rest as left–right means.

    ``hips`` are where each side's hip is, seen from the pelvis; ``ankle_height`` is over the sole. A robot without legs
    has no hips, and an ankle height of zero.
    """

    bones: dict[str, Float[np.ndarray, "3"]]
    hips: dict[str, Float[np.ndarray, "3"]]
    ankle_height: float

    @classmethod
    @lru_cache(maxsize=16)
    def of(cls, robot: Robot) -> "RobotLengths":
        pos, _ = landmark_tracks(robot, posed(robot, robot.t_pose))
        at = dict(zip(robot.landmarks.names, pos[0].astype(np.float64), strict=True))
        bones = {start: at[end] - at[start] for start, end in BONES.items() if start in at and end in at}
        if not robot.feet:
            return cls(bones, {}, 0.0)
        sole = min(sole_offsets(robot, side)[:, 2].min() for side in SIDES)
        hips = {side: at[f"{side}_hip"] - at["pelvis"] for side in SIDES}
        return cls(bones, hips, -float(sole))

    @property
    def sized_by(self) -> Mapping[str, str]:
        """The bones that a human is scaled by: of the legs, and of the arms for a robot that has no legs."""
        return LEG if LEG.keys() <= self.bones.keys() else ARM

    @property
    def size(self) -> float:
        """The length (m) of those bones, both sides averaged."""
        return 0.5 * sum(float(np.linalg.norm(self.bones[start])) for start in self.sized_by)


def sole_offsets(robot: Robot, side: str) -> Float[np.ndarray, "corner 3"]:
    """Corners of a sole in the frame of that foot's ankle landmark (m)."""
    marks, foot = robot.landmarks, robot.feet[side]
    k = marks.index(f"{side}_ankle")
    if robot.bodies[marks.carriers[k]] != foot.body:
        raise LimitError(
            f"The {side} ankle landmark and the {side} sole of {robot.name!r} must be on one body."
        )
    return quat_apply(quat_conj(marks.quat[k]), foot.sole - marks.pos[k])
