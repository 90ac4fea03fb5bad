"""FrameIK: retargeting frame by frame, done right.

Every frame is a constrained fit of the robot's pose to the human's landmarks, warm-started from the frame before and
solved until it has converged, so that the result hardly depends on history. The first frame starts from the human
root's own pose and several seeds. Joint limits and motor speed are hard, self-collision and the floor barriers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from understudy.errors import LimitError
from understudy.kinematics.clip_fit import fit_clip, landmark_arrays, limbs_of
from understudy.kinematics.collision import Capsules
from understudy.kinematics.kernels.arrays import Problem, Settings, Targets
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
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.retarget.lengths import RobotLengths
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
    hip_bone: float = 60.0
    knee_bone: float = 10.0
    shoulder_bone: float = 120.0
    elbow_bone: float = 120.0
    hip_rotation: float = 0.2
    shoulder_rotation: float = 0.2
    elbow_rotation: float = 0.2
    wrist_rotation: float = 0.3


@dataclass(frozen=True)
class FrameIKConfig:
    """Everything that can be chosen about FrameIK."""

    weights: Weights = Weights()
    ground: str = "auto"
    """Where the floor is: ``auto``, ``flat`` (the lowest level the clip stands on), ``none`` (the source's z = 0)."""
    plant_feet: bool = True
    """Hold standing feet still, flat and level with the floor."""
    parts: str = "whole"
    """What moves: ``whole``; ``upper``: waist, arms and head, the rest standing still at home; ``lower``: all but the
    arms, which stay at home."""
    iterations: int = 12
    """At most this many solver steps a frame; most frames converge in three or four."""
    first_iterations: int = 60
    """At most this many to settle the first frame; each seed gets a third of them, a hopeless one a twelfth."""
    tolerance: float = 1e-2
    """A frame is done with the step that is to lower its cost by less than this fraction. Steps gain digits as Newton's
    do: joints are then within 0.0002 rad (median) and 0.003 rad (95 %) of where they would converge to."""
    margin: float = 0.005
    """Distance kept between bodies, m."""
    limit_margin: float = 0.12
    """Joints nearer than this to a limit (rad) are pushed back, gently."""
    limit_weight: float = 20.0
    viscosity: float = 0.005
    """What joint speed costs, s/rad²: the pose lags by viscosity · speed / stiffness, at any frame rate."""
    rest_weight: float = 0.002
    """Weight on the distance to the home stance; settles what nothing else does."""
    good: float = 0.3
    """A first frame whose cost is below this is in the right basin, and no further seeds are tried."""
    prior: float = 0.02
    """Weight on the same distance when the poses found for the first frame are compared."""
    jump: float = 0.45
    """No joint moves by more than this in one frame (rad), unless a landmark of the human turns faster."""
    seed: int = 0
    """Of the random seeds of the first frame."""


class FrameIK:
    """A ``Retargeter``; see the module. Holds no state between clips, so one serves any number of them."""

    def __init__(self, robot: Robot, config: FrameIKConfig = FrameIKConfig()):
        if config.ground not in GROUNDS:
            raise LimitError(f"ground must be one of {', '.join(GROUNDS)}; got {config.ground!r}.")
        if config.parts not in PARTS:
            raise LimitError(f"parts must be one of {', '.join(PARTS)}; got {config.parts!r}.")
        self.robot = robot
        self.config = config
        self._told = asdict(config)
        self._tree = Tree.from_robot(robot)
        self._landmarks = landmark_arrays(robot, self._tree)
        self._capsules = Capsules.from_robot(robot).arrays(config.margin)
        self._limbs = limbs_of(robot, self._tree)
        self._held = held_dofs(robot, self._limbs, config.parts)
        self._pinned = bool(self._held[:6].all())
        self._pelvis = _pelvis_at_home(robot)
        self._seeds = _seeds(robot, np.random.default_rng(config.seed), self._held[6:])

    def __call__(self, motions: Sequence[HumanMotion]) -> list[RobotMotion]:
        return [self._retarget(motion) for motion in motions]

    def _retarget(self, human: HumanMotion) -> RobotMotion:
        c = self.config
        targets = landmark_targets(human, self.robot, c.ground, plant_feet=c.plant_feet, pinned=self._pinned)
        fit = fit_clip(
            self._problem(targets, human.fps), self._frames(targets, human), self._seeds, self._limbs
        )
        origin = human.origin.after(
            "retarget.frame_ik",
            robot=self.robot.name,
            configuration=self._told,
            scale=round(targets.scale, 4),
            floor_shift_m=round(targets.shift, 4),
            fallback_frames=fit.fallbacks,
        )
        return RobotMotion(
            self.robot.name,
            self.robot.joints,
            human.fps,
            fit.root_pos,
            fit.root_quat,
            fit.joint_pos,
            {},
            origin,
        )

    def _problem(self, targets: LandmarkTargets, fps: float) -> Problem:
        c, robot = self.config, self.robot
        moved = moved_landmarks(self._tree, self._landmarks.link, self._held)
        terms = _terms(robot, c, moved, targets.has_quat, fps)
        return Problem(
            self._tree.arrays(),
            self._landmarks,
            self._capsules,
            landmark_tasks(terms, robot.landmarks.names),
            posture_arrays(terms, len(robot.joints)),
            Settings(
                iterations=c.iterations,
                first_iterations=c.first_iterations,
                tolerance=c.tolerance,
                good=c.good,
                prior=c.prior,
                damping=1e-4,
                stiffness=1e7,
                floor=0.0,
                floor_on=not robot.fixed_base,
                holding=bool(self._held.any()),
                reach=0.03,
                root_step=0.3,
                turn_step=0.6,
            ),
            *_inner_range(robot),
            robot.velocity_limit.astype(np.float64) / fps * 0.999,
            self._held,
        )

    def _frames(self, targets: LandmarkTargets, human: HumanMotion) -> Targets:
        root_pos, root_quat = self._root(targets)
        turned = np.zeros(human.frames)
        quat = human.landmarks()[1]
        # The widest turn of any landmark into each frame, from the cosine of half its angle.
        half = np.abs((quat[1:].astype(np.float64) * quat[:-1]).sum(-1)).min(-1)
        turned[1:] = 2.0 * np.arccos(np.minimum(half, 1.0))
        return Targets(
            targets.pos,
            np.ascontiguousarray(quat_to_matrix(targets.quat)),
            targets.bone,
            root_pos,
            root_quat,
            np.maximum(self.config.jump, 0.999 * turned),
        )

    def _root(self, targets: LandmarkTargets) -> tuple[np.ndarray, np.ndarray]:
        """Where the root would be if the pelvis were exactly on its target, and all between them at home."""
        home, frames = self.robot.home.astype(np.float64), len(targets.pos)
        if self._pinned:
            return np.tile(home[:3], (frames, 1)), np.tile(home[3:7], (frames, 1))
        k, (pos, quat) = self.robot.landmarks.index("pelvis"), self._pelvis
        root_quat = quat_mul(targets.quat[:, k], quat_conj(quat))
        return targets.pos[:, k] - quat_apply(root_quat, pos), root_quat


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
    robot: Robot, config: FrameIKConfig, moved: Sequence[bool], has_quat: Sequence[bool], fps: float
) -> tuple[Term, ...]:
    """What a pose is asked for, by landmark: ``left_knee`` looks up the weights of ``knee``."""
    names, bones, weights = robot.landmarks.names, RobotLengths.of(robot).bones, vars(config.weights)

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
        Posture(config.rest_weight, robot.home[7:].tolist()),
        JointVelocity(config.viscosity * fps),
        JointComfort(config.limit_weight, config.limit_margin),
    )


def _seeds(robot: Robot, rng: np.random.Generator, held: np.ndarray) -> np.ndarray:
    """Joint positions to start the first frame from: stances a person may be caught in, and a few at random."""
    home, middle = robot.home[7:].astype(np.float64), 0.5 * (robot.lower + robot.upper)
    spread = 0.35 * (robot.upper - robot.lower)
    around = [middle + rng.uniform(-1, 1, len(home)) * spread for _ in range(6)]
    seeds = np.clip(np.stack([home, robot.t_pose, middle, *around]), robot.lower, robot.upper)
    return np.ascontiguousarray(np.where(held, home, seeds), np.float64)
