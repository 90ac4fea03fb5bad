"""Where a robot's knees, ankles, elbows and wrists ought to be: a target that depends on no method.

The human's bone directions are laid along the robot's own segment lengths, from a common pelvis. With R_x the
world orientation of the human's landmark x, d(a → b) the unit vector from the human's landmark a to b, and
offsets o and lengths l measured on the robot in its T-pose (where all landmark frames are aligned with the
world):

hip = pelvis + R_pelvis · o(pelvis → hip) knee = hip + l(hip, knee) · d(hip → knee) ankle = knee + l(knee,
ankle) · d(knee → ankle) pivot = pelvis + R_pelvis · o(pelvis → pivot) shoulder = pivot + R_chest · o(pivot →
shoulder) elbow = shoulder + l(shoulder, elbow) · d(shoulder → elbow) wrist = elbow + l(elbow, wrist) ·
d(elbow → wrist)

The pivot is where the robot's waist bends: its ``spine`` landmark, or its ``chest`` where it has no spine. So
the human's whole spine acts as one joint there, and shrugging, for which robots have no joints, is no part of
the reference.

Limbs that one of the two bodies lacks are no part of it (``scope``).

*Pelvis-relative* positions are these minus the pelvis position, along the world's axes. A robot is measured
the same way: its landmarks minus its own pelvis landmark, along the world's axes. A robot whose pelvis is
turned away from the human's is therefore charged for it, through its hips and shoulders; where the pelvis is
does not count.

A robot whose base is held does not turn: the human is taken as seen from its own pelvis, that is with its
pelvis' heading taken off in every frame (``HumanTracks.from_the_pelvis``), and R_pelvis is the robot's own,
upright. How far the person leans stays in the directions of the limbs and in R_chest.

*World* positions put the pelvis where the human's path, scaled to the robot's legs, takes it. The midpoint h
between the hips is scaled, because there the legs begin: horizontally by the ratio r of the leg lengths
(hip–knee–ankle), vertically h_z = r · (human's h_z − ankle level) + the height of the robot's ankle above its
sole. A human standing upright gives a robot standing upright with its soles on z = 0. Where on the floor a
motion takes place is nobody's error, so the mean horizontal distance between the two pelvis paths is taken
off before comparing.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from understudy.evaluate.scope import ARM, LEG, Scope
from understudy.evaluate.tracks import HumanTracks, RobotTracks, sole_corners
from understudy.kinematics import body_tracks
from understudy.kinematics.poses import posed
from understudy.motion.landmarks import SIDES
from understudy.robots.robot import Robot
from understudy.rotations import quat_angle, quat_apply, quat_yaw

KEYPOINTS = tuple(f"{side}_{part}" for part in ("knee", "ankle", "elbow", "wrist") for side in SIDES)
"""The points compared, where both bodies have the limb."""
ALL = Scope()

ORIENTED = ("pelvis", "chest", *KEYPOINTS)
"""The landmarks whose orientations are compared. The head is left out: most robots carry it rigidly."""


@dataclass(frozen=True)
class Reference:
    """Target positions of ``names`` (m): ``relative`` to the pelvis along the world's axes, and in the world.

    ``pelvis`` is the target path of the pelvis itself; ``scale`` the ratio of leg lengths, robot to human. Where the
    path is not compared, the pelvis stays at the origin and the scale is 1.
    """

    names: tuple[str, ...]
    relative: Float[np.ndarray, "time keypoint 3"]
    pelvis: Float[np.ndarray, "time 3"]
    scale: float

    @property
    def world(self) -> Float[np.ndarray, "time keypoint 3"]:
        """Target positions in the world (m), soles on z = 0."""
        return self.relative + self.pelvis[:, None]


@dataclass(frozen=True)
class Build:
    """A robot's measures in its T-pose (m): landmarks from the pelvis, the ankle's height above the sole, which
    is zero for a robot without feet."""

    names: tuple[str, ...]
    pos: Float[np.ndarray, "landmark 3"]
    ankle_height: float

    @classmethod
    @lru_cache(maxsize=16)
    def of(cls, robot: Robot) -> "Build":
        """Measure a robot, once."""
        bodies = body_tracks(robot, posed(robot, robot.t_pose))
        pos = robot.landmarks.world(bodies.pos, bodies.quat)[0][0].astype(np.float64)
        names = robot.landmarks.names
        height = 0.0
        if robot.feet:
            soles = [c[0, :, 2].min() for c in sole_corners(robot, bodies).values()]
            ankles = [pos[names.index(f"{s}_ankle"), 2] for s in SIDES]
            height = float(np.mean(ankles) - np.mean(soles))
        return cls(names, pos - pos[names.index("pelvis")], height)

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def offset(self, start: str, end: str) -> Float[np.ndarray, "3"]:
        """From one landmark to another in the T-pose (m)."""
        return self.pos[self.names.index(end)] - self.pos[self.names.index(start)]

    def length(self, start: str, end: str) -> float:
        """Distance between two landmarks in the T-pose (m)."""
        return float(np.linalg.norm(self.offset(start, end)))

    @property
    def leg(self) -> float:
        """Hip to knee to ankle (m), both legs averaged."""
        return float(np.mean([self.length(f"{s}_{a}", f"{s}_{b}") for s in SIDES for a, b in LEG]) * len(LEG))


def build_reference(build: Build, human: HumanTracks, ankle_level: float, scope: Scope = ALL) -> Reference:
    """The reference of one clip.

    ``ankle_level`` is the height (m) of the human's ankles while the feet are flat (``Stance``); it matters only
    where the path is compared. For a base that is held, ``human`` is seen from its own pelvis. Raises
    SkeletonMismatch if the skeleton lacks the pelvis, the chest, or a point of a limb that is compared.
    """
    pelvis_turn, chest_turn = human.turn("pelvis"), human.turn("chest")
    if scope.held:
        pelvis_turn = np.tile(np.array([1.0, 0.0, 0.0, 0.0]), (len(pelvis_turn), 1))
    pivot = "spine" if "spine" in build else "chest"
    waist = quat_apply(pelvis_turn, build.offset("pelvis", pivot))
    points: dict[str, np.ndarray] = {}
    for limb in scope.limbs:
        for side in SIDES:
            if limb == LEG:
                points[f"{side}_hip"] = quat_apply(pelvis_turn, build.offset("pelvis", f"{side}_hip"))
            else:
                hung = quat_apply(chest_turn, build.offset(pivot, f"{side}_shoulder"))
                points[f"{side}_shoulder"] = waist + hung
            for start, end in limb:
                a, b = f"{side}_{start}", f"{side}_{end}"
                points[b] = points[a] + build.length(a, b) * _direction(human.at(b) - human.at(a))
    names = tuple(name for name in KEYPOINTS if name in points)
    relative = np.stack([points[k] for k in names], axis=1) if names else np.zeros((len(waist), 0, 3))
    if scope.path:
        return Reference(names, relative, np.zeros_like(waist), 1.0)
    scale = build.leg / human.leg
    hips = 0.5 * (human.at("left_hip") + human.at("right_hip"))
    target = scale * (hips - np.array([0.0, 0.0, ankle_level])) + np.array([0.0, 0.0, build.ankle_height])
    pelvis = target - 0.5 * (points["left_hip"] + points["right_hip"])
    return Reference(names, relative, pelvis, scale)


def relative_error(robot: RobotTracks, reference: Reference) -> Float[np.ndarray, "time keypoint"]:
    """Distance (m) of the robot's key points from the reference, each seen from its own pelvis position."""
    actual = _points(robot, reference) - robot.at("pelvis")[:, None]
    return np.linalg.norm(actual - reference.relative, axis=-1)


def world_error(robot: RobotTracks, reference: Reference) -> Float[np.ndarray, "time keypoint"]:
    """The same in the world (m), less the mean horizontal distance between the two pelvis paths."""
    apart = (robot.at("pelvis") - reference.pelvis).mean(axis=0) * np.array([1.0, 1.0, 0.0])
    return np.linalg.norm(_points(robot, reference) - apart - reference.world, axis=-1)


def oriented(robot: RobotTracks, human: HumanTracks, scope: Scope = ALL) -> tuple[str, ...]:
    """The landmarks of ``ORIENTED`` whose orientations are compared: of both bodies, and not held still."""
    still = {part for limb in (LEG, ARM) if limb not in scope.limbs for bone in limb for part in bone}
    still |= {"pelvis"} if scope.held else set()
    return tuple(n for n in ORIENTED if n in robot and n in human and n.split("_")[-1] not in still)


def orientation_error(
    robot: RobotTracks, human: HumanTracks, scope: Scope = ALL
) -> Float[np.ndarray, "time landmark"]:
    """The angles (rad) between the robot's and the human's frames of the landmarks that are ``oriented``."""
    names = oriented(robot, human, scope)
    if not names:
        return np.zeros((robot.frames, 0))
    ours, theirs = (np.stack([body.turn(n) for n in names], axis=1) for body in (robot, human))
    return quat_angle(ours, theirs)


def heading_apart(robot: RobotTracks, human: HumanTracks) -> float:
    """The mean angle (rad, about z) from the human's pelvis heading to the robot's.

    About zero for a faithful motion, a quarter turn where two files disagree about which way is forward.
    """
    turn = quat_yaw(robot.turn("pelvis")) - quat_yaw(human.turn("pelvis"))
    return float(np.arctan2(np.sin(turn).mean(), np.cos(turn).mean()))


def _points(robot: RobotTracks, reference: Reference) -> Float[np.ndarray, "time keypoint 3"]:
    return np.stack([robot.at(n) for n in reference.names], axis=1)


def _direction(v: Float[np.ndarray, "time 3"]) -> Float[np.ndarray, "time 3"]:
    # Two landmarks in one place have no direction; such a bone is left without length rather than made up.
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)
