"""Where a human's landmarks should be on a robot: the human's orientations, the robot's lengths, feet to the floor."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from understudy.errors import LimitError, SkeletonMismatch
from understudy.kinematics.poses import landmark_tracks, posed
from understudy.motion.landmarks import LANDMARKS, SIDES
from understudy.motion.types import HumanMotion
from understudy.retarget.floor import THICKNESS, floor_under
from understudy.retarget.footing import Foot, plant
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply, quat_between, quat_conj, quat_mul

BONES = {
    f"{side}_{start}": f"{side}_{end}"
    for side in SIDES
    for start, end in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
}
"""Limb bones, each by the landmark that it begins at and turns with, and where it ends."""

NEEDED = tuple(sorted({*BONES, *BONES.values(), *(f"{side}_toe" for side in SIDES)}, key=LANDMARKS.index))
"""Landmarks without which a human cannot be retargeted."""
BROKEN_ANKLE = -0.17  # cosine of 100°: no foot's sole turns so far away from under its shin


@dataclass(frozen=True)
class LandmarkTargets:
    """World targets for a robot's landmarks, in the robot's order.

    ``pos`` (m) is meant for the pelvis and the ankles, ``quat`` for every landmark that the human has (``has_quat``),
    ``bone`` (m) for the limb bones that begin at a landmark. ``scale`` is the ratio of leg
    lengths that paths are scaled by, ``shift`` the height (m) that the source's floor was lifted by, at its own scale.
    """

    pos: Float[np.ndarray, "time landmark 3"]
    quat: Float[np.ndarray, "time landmark 4"]
    bone: Float[np.ndarray, "time landmark 3"]
    has_quat: tuple[bool, ...]
    scale: float
    shift: float


@dataclass(frozen=True)
class RobotLengths:
    """A robot's own measures in its T-pose (m): its bones as vectors, the rest as left–right means."""

    bones: dict[str, Float[np.ndarray, "3"]]
    leg: float
    half_hip_width: float
    ankle_height: float

    @classmethod
    @lru_cache(maxsize=16)
    def of(cls, robot: Robot) -> "RobotLengths":
        pos, _ = landmark_tracks(robot, posed(robot, robot.t_pose))
        at = dict(zip(robot.landmarks.names, pos[0].astype(np.float64), strict=True))
        bones = {start: at[end] - at[start] for start, end in BONES.items() if start in at and end in at}
        leg = [float(np.linalg.norm(bones[f"{side}_{part}"])) for side in SIDES for part in ("hip", "knee")]
        sole = min(sole_offsets(robot, side)[:, 2].min() for side in SIDES)
        return cls(
            bones,
            0.5 * sum(leg),
            0.5 * float(np.linalg.norm(at["left_hip"] - at["right_hip"])),
            -float(sole),
        )


def sole_offsets(robot: Robot, side: str) -> Float[np.ndarray, "corner 3"]:
    """Corners of a sole in the frame of that foot's ankle landmark (m)."""
    marks, foot = robot.landmarks, robot.feet[side]
    k = marks.index(f"{side}_ankle")
    if robot.bodies[marks.carriers[k]] != foot.body:
        raise LimitError(
            f"The {side} ankle landmark and the {side} sole of {robot.name!r} must be on one body."
        )
    return quat_apply(quat_conj(marks.quat[k]), foot.sole - marks.pos[k])


def landmark_targets(
    human: HumanMotion, robot: Robot, ground: str, *, plant_feet: bool = True
) -> LandmarkTargets:
    """Targets for every frame of a clip.

    Limb bones keep the human's direction and take the robot's length, so arms hang on the robot's own shoulders.
    Paths are scaled by the ratio of leg lengths, about the floor (``ground`` as in ``floor_under``). Ankles go where
    the robot's sole comes to lie on the human's (scaled) sole; ``plant_feet`` holds them still through each stance.
    """
    names = human.skeleton.landmarks.names
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise SkeletonMismatch(
            f"Skeleton {human.skeleton.name!r} lacks landmarks to retarget by: {', '.join(missing)}."
        )
    human_pos, human_quat = (a.astype(np.float64) for a in human.landmarks())
    at = {name: human_pos[:, k] for k, name in enumerate(names)}
    turn = {name: human_quat[:, k] for k, name in enumerate(names)}
    mine, marks = RobotLengths.of(robot), robot.landmarks.names
    length = {a: float(np.median(np.linalg.norm(at[b] - at[a], axis=-1))) for a, b in BONES.items()}
    leg = 0.5 * sum(length[f"{side}_{part}"] for side in SIDES for part in ("hip", "knee"))
    if leg < 0.01:
        raise SkeletonMismatch(f"The legs of skeleton {human.skeleton.name!r} have no length.")
    pos, bone = np.zeros((human.frames, len(marks), 3)), np.zeros((human.frames, len(marks), 3))
    quat = np.tile(np.array([1.0, 0, 0, 0]), (human.frames, len(marks), 1))
    for k, name in enumerate(marks):
        if name in turn:
            quat[:, k] = turn[name]
        if name in BONES and name in mine.bones:
            vector = at[BONES[name]] - at[name]
            long = np.linalg.norm(mine.bones[name])
            bone[:, k] = long * vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-6)
    scale, floor = mine.leg / leg, floor_under(human, leg, ground)
    for name in at:
        at[name] = scale * (at[name] - np.array([0.0, 0.0, floor]))
    thicker = mine.ankle_height - scale * THICKNESS["ankle"] * leg
    pos[:, marks.index("pelvis")] = 0.5 * (at["left_hip"] + at["right_hip"]) + np.array([0.0, 0.0, thicker])
    for side in SIDES:
        foot = _foot(side, at, turn, mine, thicker)
        if plant_feet:
            foot = plant(foot, human.fps, mine.leg, mine.ankle_height)
        k = marks.index(f"{side}_ankle")
        pos[:, k], quat[:, k] = foot.target_pos, foot.target_quat
    return LandmarkTargets(pos, quat, bone, tuple(name in turn for name in marks), scale, -floor)


def _foot(
    side: str,
    at: dict[str, Float[np.ndarray, "time 3"]],
    turn: dict[str, Float[np.ndarray, "time 4"]],
    mine: RobotLengths,
    thicker: float,
) -> Foot:
    """Where one ankle goes, from the human's landmarks at the robot's size: up the foot by what the robot's ankle is
    ``thicker``, and sideways by what the hips differ in width. Both leave a foot that stands still where it is."""
    ankle, ball = at[f"{side}_ankle"], at[f"{side}_toe"]
    quat = _foot_that_can_be(turn[f"{side}_ankle"], turn[f"{side}_knee"], ball - ankle)
    hip_width = float(np.median(np.linalg.norm(at["left_hip"] - at["right_hip"], axis=-1)))
    wider = (1.0 if side == "left" else -1.0) * (mine.half_hip_width - 0.5 * hip_width)
    return Foot(ankle, ball, ankle + quat_apply(quat, np.array([0.0, wider, thicker])), quat)


def _foot_that_can_be(
    ankle: Float[np.ndarray, "time 4"], knee: Float[np.ndarray, "time 4"], foot: Float[np.ndarray, "time 3"]
) -> Float[np.ndarray, "time 4"]:
    """The foot's orientations, but where it lies upside down under its shin, as feet do in some solved captures: there
    the shin's orientation, turned by the least that points it along the foot."""
    up = np.array([0.0, 0.0, 1.0])
    broken = (quat_apply(ankle, up) * quat_apply(knee, up)).sum(-1) < BROKEN_ANKLE
    forward = quat_apply(knee, np.array([1.0, 0.0, 0.0]))
    return np.where(broken[:, None], quat_mul(quat_between(forward, foot), knee), ankle)
