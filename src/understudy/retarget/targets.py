"""Where a human's landmarks should be on a robot: the human's orientations, the robot's lengths, feet to the floor."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.errors import SkeletonMismatch
from understudy.motion.landmarks import LANDMARKS, SIDES
from understudy.motion.types import HumanMotion
from understudy.retarget.contacts import Contacts, contacts_of
from understudy.retarget.floor import THICKNESS, floor_under
from understudy.retarget.footing import Sole, plant
from understudy.retarget.lengths import BONES, LEG, RobotLengths, sole_offsets
from understudy.robots.robot import Robot
from understudy.rotations import quat_about, quat_apply, quat_between, quat_conj, quat_mul, quat_yaw

BROKEN_ANKLE = -0.17  # cosine of 100°: no foot's sole turns so far away from under its shin

Places = Float[np.ndarray, "time landmark 3"]
Turns = Float[np.ndarray, "time landmark 4"]


@dataclass(frozen=True)
class LandmarkTargets:
    """World targets for a robot's landmarks, in the robot's order.

    ``pos`` (m) is meant for the pelvis and the ankles, ``quat`` for every landmark that the human has (``has_quat``),
    ``bone`` (m) for the limb bones that begin at a landmark. ``scale`` is the ratio of leg
    lengths that paths are scaled by, ``shift`` the height (m) that the source's floor was lifted by, at its own scale.
    ``hold`` says how firmly a position and orientation must be kept, from 0 to 1: only ankles in contact are held.
    ``contacts`` are the human's.
    """

    pos: Float[np.ndarray, "time landmark 3"]
    quat: Float[np.ndarray, "time landmark 4"]
    bone: Float[np.ndarray, "time landmark 3"]
    has_quat: tuple[bool, ...]
    scale: float
    shift: float
    hold: Float[np.ndarray, "time landmark"]
    contacts: Contacts


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
    mine, marks, names = RobotLengths.of(robot), robot.landmarks.names, human.skeleton.landmarks.names
    _check(human, mine, bool(robot.feet))
    place, turn = (a.astype(np.float64) for a in human.landmarks())
    if pinned:
        place, turn = _from_the_pelvis(place, turn, names)
    starts = list(mine.bones)
    vectors = place[:, [names.index(BONES[b]) for b in starts]] - place[:, [names.index(b) for b in starts]]
    lengths = np.sqrt((vectors * vectors).sum(-1))
    reach = 0.5 * np.median(lengths[:, [starts.index(b) for b in mine.sized_by]], axis=0).sum()
    if reach < 0.01:
        limbs = "legs" if mine.sized_by is LEG else "arms"
        raise SkeletonMismatch(f"The {limbs} of skeleton {human.skeleton.name!r} have no length.")
    bone = np.zeros((human.frames, len(marks), 3))
    long = np.array([np.linalg.norm(mine.bones[b]) for b in starts])
    bone[:, [marks.index(b) for b in starts]] = vectors * (long / np.maximum(lengths, 1e-6))[..., None]

    has_quat = tuple(name in names for name in marks)
    # Rows that the human lacks hold another landmark's orientation, which nobody asks for.
    quat = turn[:, [names.index(name) if name in names else 0 for name in marks]]
    scale, floor = mine.size / reach, 0.0 if pinned or not robot.feet else floor_under(human, reach, ground)
    place = scale * (place - np.array([0.0, 0.0, floor]))
    contacts = Contacts.none(human.frames) if pinned else contacts_of(human, floor, reach)
    thicker = mine.ankle_height - scale * THICKNESS["ankle"] * reach if robot.feet else 0.0
    pos = np.zeros((human.frames, len(marks), 3))
    pos[:, marks.index("pelvis")] = _pelvis(place, names) + np.array([0.0, 0.0, thicker])
    hold = np.zeros((human.frames, len(marks)))
    for side in robot.feet:
        k = marks.index(f"{side}_ankle")
        pos[:, k], quat[:, k] = _foot(side, place, turn, names, thicker)
        pos[:, k, :2] = _under_the_leg(side, pos, quat, bone, marks, mine)[:, :2]
        if plant_feet and not pinned:
            toe, heel = (contacts[f"{side}_{part}"] for part in ("toe", "heel"))
            foot = plant(pos[:, k], quat[:, k], toe, heel, _sole(robot, side), human.fps, mine.size)
            pos[:, k], quat[:, k], hold[:, k] = foot.pos, foot.quat, foot.hold
    return LandmarkTargets(pos, quat, bone, has_quat, float(scale), -floor, hold, contacts)


def _check(human: HumanMotion, mine: RobotLengths, feet: bool) -> None:
    """Raise SkeletonMismatch if the landmarks that the robot follows are not all there."""
    needed = {"pelvis", *mine.bones, *(BONES[start] for start in mine.bones)}
    needed |= {f"{side}_toe" for side in SIDES if feet}
    missing = sorted(needed - set(human.skeleton.landmarks.names), key=LANDMARKS.index)
    if missing:
        raise SkeletonMismatch(
            f"Skeleton {human.skeleton.name!r} lacks landmarks to retarget by: {', '.join(missing)}."
        )


def _pelvis(place: Places, names: Sequence[str]) -> Float[np.ndarray, "time 3"]:
    """Between the hips, where skeletons agree; a body without legs has its pelvis where it says."""
    if "left_hip" not in names:
        return place[:, names.index("pelvis")]
    return 0.5 * (place[:, names.index("left_hip")] + place[:, names.index("right_hip")])


def _from_the_pelvis(place: Places, turn: Turns, names: Sequence[str]) -> tuple[Places, Turns]:
    """The body as seen from its own pelvis: never going anywhere, never turning round, upright as it is."""
    ahead = quat_about("z", -quat_yaw(turn[:, names.index("pelvis")]))[:, None]
    return quat_apply(ahead, place - _pelvis(place, names)[:, None]), quat_mul(ahead, turn)


def _foot(
    side: str, place: Places, turn: Turns, names: Sequence[str], thicker: float
) -> tuple[Float[np.ndarray, "time 3"], Float[np.ndarray, "time 4"]]:
    """One ankle of the human at the robot's size, moved up the foot by what the robot's ankle is ``thicker``."""
    ankle, ball = (place[:, names.index(f"{side}_{part}")] for part in ("ankle", "toe"))
    sole, shin = (turn[:, names.index(f"{side}_{part}")] for part in ("ankle", "knee"))
    quat = _foot_that_can_be(sole, shin, ball - ankle)
    return ankle + quat_apply(quat, np.array([0.0, 0.0, thicker])), quat


def _under_the_leg(
    side: str, pos: Places, quat: Turns, bone: Places, marks: Sequence[str], mine: RobotLengths
) -> Float[np.ndarray, "time 3"]:
    """Where the robot's leg ends when it hangs on the pelvis' target and every bone has its direction.

    A foot asked to be elsewhere, even by what the hips differ in width, would turn the whole leg.
    """
    pelvis, hip, knee = (marks.index(name) for name in ("pelvis", f"{side}_hip", f"{side}_knee"))
    return pos[:, pelvis] + quat_apply(quat[:, pelvis], mine.hips[side]) + bone[:, hip] + bone[:, knee]


def _sole(robot: Robot, side: str) -> Sole:
    """A sole that turns about the ball of the foot, or about its middle where the robot has no such landmark."""
    corners, marks = sole_offsets(robot, side).astype(np.float64), robot.landmarks
    ankle, toe = marks.index(f"{side}_ankle"), f"{side}_toe"
    if toe not in marks.names or marks.carriers[marks.index(toe)] != marks.carriers[ankle]:
        return Sole.of(corners, float(corners[:, 0].mean()))
    away = quat_apply(quat_conj(marks.quat[ankle]), marks.pos[marks.index(toe)] - marks.pos[ankle])
    return Sole.of(corners, float(away[0]))


def _foot_that_can_be(
    ankle: Float[np.ndarray, "time 4"], knee: Float[np.ndarray, "time 4"], foot: Float[np.ndarray, "time 3"]
) -> Float[np.ndarray, "time 4"]:
    """The foot's orientations, but where it lies upside down under its shin, as feet do in some solved captures: there
    the shin's orientation, turned by the least that points it along the foot."""
    up = np.array([0.0, 0.0, 1.0])
    broken = (quat_apply(ankle, up) * quat_apply(knee, up)).sum(-1) < BROKEN_ANKLE
    if not broken.any():
        return ankle
    forward = quat_apply(knee, np.array([1.0, 0.0, 0.0]))
    return np.where(broken[:, None], quat_mul(quat_between(forward, foot), knee), ankle)
