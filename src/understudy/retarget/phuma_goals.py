"""What the PHUMA-like method follows: a body with the human's pose and the robot's proportions, cut into chunks.

The original fits a body model's shape to the robot once and poses that body like the human. Here the same body is
made from the robot's own lengths, so that no body model is needed and every skeleton will do.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.kinematics.poses import landmark_tracks, posed
from understudy.motion.landmarks import SIDES
from understudy.motion.types import HumanMotion
from understudy.retarget.lengths import sole_offsets
from understudy.retarget.targets import LandmarkTargets, landmark_targets
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply, quat_conj, quat_continuous, quat_mul

LIMBS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
KEY_POINTS = tuple(f"{side}_{limb}" for side in SIDES for limb in LIMBS)
"""Landmarks whose positions are followed; pelvis, trunk, head and toes are not, as in the original."""
LINKS = tuple(
    (f"{side}_{start}" if start in LIMBS else start, f"{side}_{end}")
    for side in SIDES
    for start, end in zip(("pelvis", "hip", "knee", "trunk", "shoulder", "elbow"), LIMBS, strict=True)
)
"""Links whose directions are followed, from landmark to landmark; ``trunk`` is where the trunk turns on the pelvis."""
SOLES = tuple((side, part) for side in SIDES for part in ("toe", "heel"))
"""The points that touch the floor, two a foot."""
BAND = 0.05
"""Height (m) of the band about the floor in which a sole touches it."""


@dataclass(frozen=True)
class Goals:
    """One clip at the robot's size, world frame: m, wxyz, seconds.

    ``points`` follow ``KEY_POINTS``, ``links`` are the vectors of ``LINKS``, ``touch`` is how much of each of
    ``SOLES`` is near the floor, from 0 to 1. The root's orientation is not optimised, its position only begins at
    ``root_pos``.
    """

    root_pos: Float[np.ndarray, "time 3"]
    root_quat: Float[np.ndarray, "time 4"]
    points: Float[np.ndarray, "time point 3"]
    links: Float[np.ndarray, "time bone 3"]
    touch: Float[np.ndarray, "time sole"]
    dt: float
    scale: float
    shift: float

    def cut(self, start: int, end: int) -> "Goals":
        """Frames from ``start`` up to ``end``."""
        rows = slice(start, end)
        return Goals(
            self.root_pos[rows],
            self.root_quat[rows],
            self.points[rows],
            self.links[rows],
            self.touch[rows],
            self.dt,
            self.scale,
            self.shift,
        )


def trunk(robot: Robot) -> str:
    """The landmark at which the trunk turns on the pelvis: the spine, or the chest of a robot without one."""
    return next(name for name in ("spine", "chest", "pelvis") if name in robot.landmarks.names)


def goals_of(human: HumanMotion, robot: Robot, ground: str) -> Goals:
    """The clip as the robot's proportions would have it; ``ground`` as for ``landmark_targets``.

    Hips are where the pelvis carries them, knees, elbows and wrists a link further on, shoulders where the trunk
    carries them; ankles are put where the robot's soles lie on the human's. Feet are not planted: that is left to
    the costs.
    """
    targets = landmark_targets(human, robot, ground, plant_feet=False)
    marks, base = robot.landmarks, trunk(robot)
    rest_pos, _ = landmark_tracks(robot, posed(robot, robot.t_pose))
    rest = dict(zip(marks.names, rest_pos[0].astype(np.float64), strict=True))
    k = marks.index("pelvis")
    pelvis_quat, trunk_quat = targets.quat[:, k], _trunk_quat(targets, marks.names)
    at = {"pelvis": targets.pos[:, k]}
    at["trunk"] = at["pelvis"] + quat_apply(pelvis_quat, rest[base] - rest["pelvis"])
    for side in SIDES:
        hip, knee, ankle, shoulder, elbow, wrist = (f"{side}_{limb}" for limb in LIMBS)
        at[hip] = at["pelvis"] + quat_apply(pelvis_quat, rest[hip] - rest["pelvis"])
        at[shoulder] = at["trunk"] + quat_apply(trunk_quat, rest[shoulder] - rest[base])
        for start, end in ((hip, knee), (shoulder, elbow), (elbow, wrist)):
            at[end] = at[start] + targets.bone[:, marks.index(start)]
        at[ankle] = targets.pos[:, marks.index(ankle)]
    root_quat = quat_continuous(quat_mul(pelvis_quat, quat_conj(marks.quat[k].astype(np.float64))))
    return Goals(
        at["pelvis"] - quat_apply(root_quat, marks.pos[k].astype(np.float64)),
        root_quat,
        np.stack([at[name] for name in KEY_POINTS], axis=1),
        np.stack([at[end] - at[start] for start, end in LINKS], axis=1),
        np.stack([_touch(targets, robot, side, part) for side, part in SOLES], axis=1),
        1.0 / human.fps,
        targets.scale,
        targets.shift,
    )


def sole_part(robot: Robot, side: str, part: str) -> Float[np.ndarray, "corner 3"]:
    """Corners of the front half (``toe``) or the rear half (``heel``) of a sole, in the ankle landmark's frame (m)."""
    corners = sole_offsets(robot, side).astype(np.float64)
    middle = 0.5 * (corners[:, 0].min() + corners[:, 0].max())
    front = corners[:, 0] > middle
    return corners[front if part == "toe" else ~front]


def sole_point(robot: Robot, side: str, part: str) -> Float[np.ndarray, "3"]:
    """The tip of the toe or the heel, midway between left and right, in the ankle landmark's frame (m)."""
    corners = sole_part(robot, side, part)
    end = corners[:, 0].max() if part == "toe" else corners[:, 0].min()
    return corners[np.abs(corners[:, 0] - end) < 1e-3].mean(axis=0)


def _trunk_quat(targets: LandmarkTargets, names: tuple[str, ...]) -> Float[np.ndarray, "time 4"]:
    """The chest's orientations, or the pelvis's where the human has none."""
    known = "chest" in names and targets.has_quat[names.index("chest")]
    return targets.quat[:, names.index("chest" if known else "pelvis")]


def _touch(targets: LandmarkTargets, robot: Robot, side: str, part: str) -> Float[np.ndarray, "time"]:
    """Share of the corners of half a sole that lie within the band about the floor, on the body that is followed.

    The original counts vertices of a mesh in the same way.
    """
    k = robot.landmarks.index(f"{side}_ankle")
    corners = sole_part(robot, side, part)
    height = targets.pos[:, None, k, 2] + quat_apply(targets.quat[:, None, k], corners)[..., 2]
    return (np.abs(height) <= 0.5 * BAND).mean(axis=1)


def spans(frames: int, longest: int, overlap: int) -> list[tuple[int, int]]:
    """First frame and frame after the last of every chunk: equal lengths of at most ``longest``, neighbours sharing
    ``overlap`` frames or one more."""
    if frames <= longest:
        return [(0, frames)]
    count = -(-(frames - overlap) // (longest - overlap))
    length = min(longest, -(-(frames + (count - 1) * overlap) // count))
    starts = [(k * (frames - length)) // (count - 1) for k in range(count)]
    return [(start, start + length) for start in starts]


def joined(
    parts: list[Float[np.ndarray, "part n"]], cuts: list[tuple[int, int]]
) -> Float[np.ndarray, "time n"]:
    """The chunks as one track, each faded smoothly into the next over the frames that they share."""
    out = parts[0]
    for part, (start, end) in zip(parts[1:], cuts[1:], strict=True):
        shared = len(out) - start
        u = (np.arange(shared) + 1.0) / (shared + 1.0)
        fade = (u * u * (3.0 - 2.0 * u))[:, None]
        seam = (1.0 - fade) * out[start:] + fade * part[:shared]
        out = np.concatenate([out[:start], seam, part[shared : end - start]])
    return out
