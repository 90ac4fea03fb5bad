"""What every fit to a human's landmarks shares: terms and weights, the robot's arrays, targets, and what is held still.

The methods differ in how they solve it: frame by frame, or a whole clip at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from understudy.errors import LimitError
from understudy.kinematics.clip_fit import landmark_arrays, limbs_of
from understudy.kinematics.collision import Capsules
from understudy.kinematics.kernels.arrays import LandmarkArrays, Problem, Settings, Targets
from understudy.kinematics.poses import landmark_tracks, posed
from understudy.kinematics.terms import (
    BoneVector,
    JointComfort,
    JointVelocity,
    LandmarkOrientation,
    LandmarkPosition,
    Posture,
    Term,
    landmark_tasks,
    posture_arrays,
)
from understudy.kinematics.tree import Tree
from understudy.motion.types import HumanMotion
from understudy.retarget.lengths import RobotLengths, sole_offsets
from understudy.retarget.targets import LandmarkTargets, landmark_targets
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply, quat_conj, quat_mul, quat_to_matrix

GROUNDS = ("auto", "flat", "none")
PARTS = ("whole", "upper", "lower")


@dataclass(frozen=True)
class Weights:
    """What a mistake costs: positions and bones per m², orientations per rad²."""

    pelvis_position: float = 60.0
    pelvis_rotation: float = 4.0
    chest_rotation: float = 4.0
    ankle_position: float = 400.0
    ankle_rotation: float = 2.0
    sole_position: float = 0.0
    sole_rotation: float = 0.0
    hip_bone: float = 60.0
    knee_bone: float = 10.0
    shoulder_bone: float = 120.0
    elbow_bone: float = 120.0
    hip_rotation: float = 0.2
    shoulder_rotation: float = 0.2
    elbow_rotation: float = 0.2
    wrist_rotation: float = 0.3


@dataclass(frozen=True)
class PoseCosts:
    """What a pose costs and where it may not be, whatever the method."""

    weights: Weights = Weights()
    margin: float = 0.005
    """Distance kept between bodies, m."""
    limit_margin: float = 0.12
    """Joints nearer than this to a limit (rad) are pushed back, gently."""
    limit_weight: float = 20.0
    rest_weight: float = 0.002
    """Weight on the distance to the home stance; settles what nothing else does."""


class LandmarkProblem:
    """The fit of one robot to landmarks, ready for any clip.

    ``ground`` and ``parts`` as in ``GROUNDS`` and ``PARTS``; raises LimitError for others.
    """

    def __init__(self, robot: Robot, costs: PoseCosts, ground: str, parts: str, seed: int):
        if ground not in GROUNDS:
            raise LimitError(f"ground must be one of {', '.join(GROUNDS)}; got {ground!r}.")
        if parts not in PARTS:
            raise LimitError(f"parts must be one of {', '.join(PARTS)}; got {parts!r}.")
        self.robot = robot
        self._ground = ground
        self.costs = costs
        self.tree = Tree.from_robot(robot)
        self.names = (*robot.landmarks.names, *(f"{side}_sole" for side in robot.feet))
        self.landmarks = _with_soles(robot, landmark_arrays(robot, self.tree))
        self.capsules = Capsules.from_robot(robot).arrays(costs.margin)
        self.limbs = limbs_of(robot, self.tree)
        self.held = held_dofs(robot, self.limbs, parts)
        self.pinned = bool(self.held[:6].all())
        self.seeds = _seeds(robot, np.random.default_rng(seed), self.held[6:])
        self._pelvis = _pelvis_at_home(robot)

    def targets(self, human: HumanMotion, *, plant_feet: bool) -> LandmarkTargets:
        """Where the landmarks should be."""
        return landmark_targets(human, self.robot, self._ground, plant_feet=plant_feet, pinned=self.pinned)

    def problem(self, has_quat: Sequence[bool], fps: float, viscosity: float, settings: Settings) -> Problem:
        """The same for every frame; ``has_quat`` says which landmarks' orientations are known, ``viscosity`` (s/rad²)
        what joint speed costs."""
        robot = self.robot
        moved = moved_landmarks(self.tree, self.landmarks.link, self.held)
        known = (*has_quat, *(True for _ in robot.feet))
        terms = _terms(robot, self.names, self.costs, moved, known, viscosity * fps)
        return Problem(
            self.tree.arrays(),
            self.landmarks,
            self.capsules,
            landmark_tasks(terms, self.names),
            posture_arrays(terms, len(robot.joints)),
            settings._replace(floor_on=not robot.fixed_base, holding=bool(self.held.any())),
            *_inner_range(robot),
            robot.velocity_limit.astype(np.float64) / fps * 0.999,
            self.held,
        )

    def frames(self, targets: LandmarkTargets, human: HumanMotion, jump: float) -> Targets:
        """What changes from frame to frame. No joint moves by more than ``jump`` (rad) in one frame, unless a landmark
        of the human turns faster."""
        turned = np.zeros(human.frames)
        quat = human.landmarks()[1]
        # The widest turn of any landmark into each frame, from the cosine of half its angle.
        half = np.abs((quat[1:].astype(np.float64) * quat[:-1]).sum(-1)).min(-1)
        turned[1:] = 2.0 * np.arccos(np.minimum(half, 1.0))
        most = np.maximum(jump, 0.999 * turned)
        return self.arrays(targets.pos, targets.quat, targets.bone, *self._root(targets), most)

    def arrays(
        self,
        pos: Float[np.ndarray, "time landmark 3"],
        quat: Float[np.ndarray, "time landmark 4"],
        bone: Float[np.ndarray, "time landmark 3"],
        root_pos: Float[np.ndarray, "time 3"],
        root_quat: Float[np.ndarray, "time 4"],
        most: Float[np.ndarray, "time"],
    ) -> Targets:
        """Targets of the robot's landmarks, and of its soles, which go where the ankles take them. ``most`` (rad) is
        the most that any joint may move into each frame."""
        feet = self.robot.feet
        ankles = [self.names.index(f"{side}_ankle") for side in feet]
        soles = [
            pos[:, k] + quat_apply(quat[:, k], sole_centre(self.robot, side))
            for k, side in zip(ankles, feet, strict=True)
        ]
        turns = quat_to_matrix(quat)
        return Targets(
            np.concatenate([pos, *(at[:, None] for at in soles)], axis=1),
            np.concatenate([turns, turns[:, ankles]], axis=1),
            np.concatenate([bone, np.zeros((len(pos), len(soles), 3))], axis=1),
            root_pos,
            root_quat,
            most,
        )

    def _root(self, targets: LandmarkTargets) -> tuple[np.ndarray, np.ndarray]:
        """Where the root would be if the pelvis were exactly on its target, and all between them at home."""
        home, frames = self.robot.home.astype(np.float64), len(targets.pos)
        if self.pinned:
            return np.tile(home[:3], (frames, 1)), np.tile(home[3:7], (frames, 1))
        k, (pos, quat) = self.robot.landmarks.index("pelvis"), self._pelvis
        root_quat = quat_mul(targets.quat[:, k], quat_conj(quat))
        return targets.pos[:, k] - quat_apply(root_quat, pos), root_quat


def _with_soles(robot: Robot, landmarks: LandmarkArrays) -> LandmarkArrays:
    """The landmarks, and after them the middle of each sole, turned as its ankle is."""
    marks = robot.landmarks
    ankles = [marks.index(f"{side}_ankle") for side in robot.feet]
    middles = [
        marks.pos[k] + quat_apply(marks.quat[k], sole_centre(robot, side))
        for k, side in zip(ankles, robot.feet, strict=True)
    ]
    return LandmarkArrays(
        np.concatenate([landmarks.link, landmarks.link[ankles]]),
        np.concatenate([landmarks.pos, np.reshape(middles, (-1, 3))]),
        np.concatenate([landmarks.rot, landmarks.rot[ankles]]),
    )


def sole_centre(robot: Robot, side: str) -> Float[np.ndarray, "3"]:
    """The middle of a sole in the frame of that foot's ankle landmark (m)."""
    return sole_offsets(robot, side).mean(axis=0).astype(np.float64)


def _pelvis_at_home(robot: Robot) -> tuple[np.ndarray, np.ndarray]:
    """Position (m) and orientation of the pelvis in the root's frame, all joints at home."""
    k = robot.landmarks.index("pelvis")
    pos, quat = landmark_tracks(robot, posed(robot, robot.home[7:]))
    return pos[0, k].astype(np.float64), quat[0, k].astype(np.float64)


def held_dofs(robot: Robot, limbs: np.ndarray, parts: str) -> np.ndarray:
    """Which of (root's six, joints) stay where home has them, (6 + dof,) bool."""
    names = robot.landmarks.names
    legs = 2 * int("left_ankle" in names)  # ``limbs_of`` numbers the legs first
    held = np.zeros(6 + len(limbs), dtype=bool)
    held[:6] = robot.fixed_base or parts == "upper"
    if parts == "upper":
        held[6:] = (limbs >= 0) & (limbs < legs)
    elif parts == "lower":
        held[6:] = limbs >= legs
    return held


def moved_landmarks(tree: Tree, link: np.ndarray, held: np.ndarray) -> list[bool]:
    """Which landmarks, on these links, anything can move that is not held."""
    free = np.zeros(len(tree.parents), dtype=bool)
    free[0] = not held[:6].all()
    for i in range(1, len(free)):
        d = tree.dof[i]
        free[i] = free[tree.parents[i]] or (d >= 0 and not held[6 + d])
    return free[link].tolist()


def _inner_range(robot: Robot) -> tuple[np.ndarray, np.ndarray]:
    """The hardware range, less what rounding to float32 could add."""
    return robot.lower.astype(np.float64) + 1e-5, robot.upper.astype(np.float64) - 1e-5


def _terms(
    robot: Robot,
    names: Sequence[str],
    costs: PoseCosts,
    moved: Sequence[bool],
    has_quat: Sequence[bool],
    velocity_weight: float,
) -> tuple[Term, ...]:
    """What a pose is asked for, by landmark: ``left_knee`` looks up the weights of ``knee``."""
    bones, weights = RobotLengths.of(robot).bones, vars(costs.weights)

    def chosen(kind: str, of: Iterable[str]) -> dict[str, float]:
        asked = {name: weights.get(f"{name.split('_')[-1]}_{kind}", 0.0) for name in of}
        return {name: weight for name, weight in asked.items() if weight > 0.0}

    moving = [name for name, can in zip(names, moved, strict=True) if can]
    turning = [name for name, known in zip(names, has_quat, strict=True) if known and name in moving]
    return (
        LandmarkPosition(chosen("position", moving)),
        LandmarkOrientation(chosen("rotation", turning)),
        BoneVector(
            chosen("bone", [name for name in bones if name in moving]),
            {name: tuple(bone) for name, bone in bones.items()},
        ),
        Posture(costs.rest_weight, robot.home[7:].tolist()),
        JointVelocity(velocity_weight),
        JointComfort(costs.limit_weight, costs.limit_margin),
    )


def _seeds(robot: Robot, rng: np.random.Generator, held: np.ndarray) -> np.ndarray:
    """Joint positions to start the first frame from: stances a person may be caught in, and a few at random."""
    home, middle = robot.home[7:].astype(np.float64), 0.5 * (robot.lower + robot.upper)
    spread = 0.35 * (robot.upper - robot.lower)
    around = [middle + rng.uniform(-1, 1, len(home)) * spread for _ in range(6)]
    seeds = np.clip(np.stack([home, robot.t_pose, middle, *around]), robot.lower, robot.upper)
    return np.ascontiguousarray(np.where(held, home, seeds), np.float64)
