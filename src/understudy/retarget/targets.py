"""Where a human's landmarks should be on a robot: the human's orientations, the robot's lengths, feet to the floor."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.errors import SkeletonMismatch
from understudy.motion.landmarks import LANDMARKS, SIDES
from understudy.motion.types import HumanMotion
from understudy.retarget.floor import THICKNESS, floor_under
from understudy.retarget.footing import Foot, plant
from understudy.retarget.lengths import BONES, LEG, RobotLengths
from understudy.robots.robot import Robot
from understudy.rotations import quat_about, quat_apply, quat_between, quat_mul, quat_yaw

BROKEN_ANKLE = -0.17  # cosine of 100°: no foot's sole turns so far away from under its shin

At = dict[str, Float[np.ndarray, "time 3"]]
Turn = dict[str, Float[np.ndarray, "time 4"]]


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


def landmark_targets(
    human: HumanMotion, robot: Robot, ground: str, *, plant_feet: bool = True, pinned: bool = False
) -> LandmarkTargets:
    """Targets for every frame of a clip.

    Limb bones keep the human's direction and take the robot's length, so arms hang on the robot's own shoulders.
    Paths are scaled by the ratio of leg lengths, about the floor (``ground`` as in ``floor_under``). Ankles go where
    the robot's sole comes to lie on the human's (scaled) sole; ``plant_feet`` holds them still through each stance.
    ``pinned`` is for a robot whose root does not move: it sees the human from the pelvis, facing ahead at all times,
    and no floor. Raises SkeletonMismatch for a human that lacks what the robot has.
    """
    mine, marks = RobotLengths.of(robot), robot.landmarks.names
    at, turn = _landmarks_of(human, mine, bool(robot.feet))
    size = {a: float(np.median(np.linalg.norm(at[BONES[a]] - at[a], axis=-1))) for a in mine.sized_by}
    if (reach := 0.5 * sum(size.values())) < 0.01:
        limbs = "legs" if mine.sized_by is LEG else "arms"
        raise SkeletonMismatch(f"The {limbs} of skeleton {human.skeleton.name!r} have no length.")
    if pinned:
        at, turn = _from_the_pelvis(at, turn)
    pos, bone = np.zeros((human.frames, len(marks), 3)), np.zeros((human.frames, len(marks), 3))
    quat = np.tile(np.array([1.0, 0, 0, 0]), (human.frames, len(marks), 1))
    for k, name in enumerate(marks):
        if name in turn:
            quat[:, k] = turn[name]
        if name in mine.bones:
            vector = at[BONES[name]] - at[name]
            long = np.linalg.norm(mine.bones[name])
            bone[:, k] = long * vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-6)
    scale, floor = mine.size / reach, 0.0 if pinned or not robot.feet else floor_under(human, reach, ground)
    for name in at:
        at[name] = scale * (at[name] - np.array([0.0, 0.0, floor]))
    thicker = mine.ankle_height - scale * THICKNESS["ankle"] * reach if robot.feet else 0.0
    pos[:, marks.index("pelvis")] = _pelvis(at) + np.array([0.0, 0.0, thicker])
    for side in robot.feet:
        foot = _foot(side, at, turn, mine, thicker)
        if plant_feet and not pinned:
            foot = plant(foot, human.fps, mine.size, mine.ankle_height)
        k = marks.index(f"{side}_ankle")
        pos[:, k], quat[:, k] = foot.target_pos, foot.target_quat
    return LandmarkTargets(pos, quat, bone, tuple(name in turn for name in marks), scale, -floor)


def _landmarks_of(human: HumanMotion, mine: RobotLengths, feet: bool) -> tuple[At, Turn]:
    """The human's landmarks by name. Raises SkeletonMismatch if those that the robot follows are not all there."""
    names = human.skeleton.landmarks.names
    needed = {"pelvis", *mine.bones, *(BONES[start] for start in mine.bones)}
    needed |= {f"{side}_toe" for side in SIDES if feet}
    missing = sorted(needed - set(names), key=LANDMARKS.index)
    if missing:
        raise SkeletonMismatch(
            f"Skeleton {human.skeleton.name!r} lacks landmarks to retarget by: {', '.join(missing)}."
        )
    pos, quat = (a.astype(np.float64) for a in human.landmarks())
    return (
        {name: pos[:, k] for k, name in enumerate(names)},
        {name: quat[:, k] for k, name in enumerate(names)},
    )


def _pelvis(at: At) -> Float[np.ndarray, "time 3"]:
    """Between the hips, where skeletons agree; a body without legs has its pelvis where it says."""
    return 0.5 * (at["left_hip"] + at["right_hip"]) if "left_hip" in at else at["pelvis"]


def _from_the_pelvis(at: At, turn: Turn) -> tuple[At, Turn]:
    """The body as seen from its own pelvis: never going anywhere, never turning round, upright as it is."""
    ahead = quat_about("z", -quat_yaw(turn["pelvis"]))
    origin = _pelvis(at)
    seen = {name: quat_apply(ahead, point - origin) for name, point in at.items()}
    return seen, {name: quat_mul(ahead, quat) for name, quat in turn.items()}


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
