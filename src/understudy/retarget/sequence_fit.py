"""SequenceFit: all frames of a clip at once, so that nothing is left to repair.

Each limb first takes the cheapest path through the basins that several frame-by-frame solutions have found. Then one
second-order fit moves all frames together: towards the human's landmarks, along smooth paths, feet locked to the floor
where the human stands, away from limits, from the body's own parts and from the floor.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from jaxtyping import Float

from understudy import motion
from understudy.errors import ShapeError
from understudy.kinematics.basins import candidates, choose
from understudy.kinematics.clip_fit import fit_clip
from understudy.kinematics.kernels.arrays import Course, Problem, Targets
from understudy.kinematics.poses import check_fit
from understudy.kinematics.sequence import Stage, Trajectory, fit_sequence, windows
from understudy.kinematics.untangle import untangle
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.retarget.contacts import PLACES
from understudy.retarget.course import lock_to_floor, masses, smoothness, support
from understudy.retarget.frame_ik import FrameIKConfig, frame_settings
from understudy.retarget.landmark_problem import LandmarkProblem, PoseCosts, Weights
from understudy.retarget.lengths import RobotLengths
from understudy.retarget.targets import LandmarkTargets
from understudy.robots.robot import Robot
from understudy.rotations import quat_normalize

STAGES = (Stage(1e4, 1e4, 1e4, 12), Stage(1e6, 1e5, 1e5, 8))
"""Loose penalties to find the way, then stiff ones."""
REACH = 0.008
"""Contacts nearer to their margin than this (m) are foreseen by a step. More would cost more than it saves."""
WEIGHTS = Weights(
    pelvis_rotation=20.0,
    chest_rotation=12.0,
    ankle_position=30.0,
    ankle_rotation=0.5,
    hip_bone=100.0,
    knee_bone=80.0,
    hip_rotation=0.4,
    shoulder_rotation=0.4,
    elbow_rotation=0.4,
    wrist_rotation=0.5,
)
"""Feet are held by locks where they stand, so the legs' directions may decide elsewhere."""


@dataclass(frozen=True)
class SequenceFitConfig:
    """Everything that can be chosen about SequenceFit."""

    weights: Weights = WEIGHTS
    ground: str = "auto"
    """Where the floor is: ``auto``, ``flat`` (the lowest level the clip stands on), ``none`` (the source's z = 0)."""
    heal: bool = True
    """Replace faults of the capture, and quieten tremble that no body makes, before anything follows them."""
    plant_feet: bool = True
    """Lock standing feet to the floor."""
    parts: str = "whole"
    """What moves: ``whole``; ``upper``: waist, arms and head, the rest standing still at home; ``lower``: all but the
    arms, which stay at home."""
    hold_position: float = 4e4
    """What it costs the sole of a locked foot to be elsewhere, 1/m²."""
    hold_rotation: float = 4.0
    """What it costs a locked foot to be turned otherwise, 1/rad²."""
    smoothness: float = 5e-6
    """What acceleration costs, s⁴/rad²; the root's turns cost 4 times, its paths (per m²) 40 times as much."""
    basins: bool = True
    """Start every limb from the cheapest path through several solutions; else from the one that goes forwards."""
    flip: float = 3.0
    """What it costs a limb to change between solutions, 1/rad²."""
    restart: float = 0.25
    """Seconds after which a frame-by-frame solution forgets its past, to find others."""
    balance: float = 5.0
    """What it costs the centre of mass to be beyond the standing feet while the body is slow, 1/m²."""
    ground_lock: float = 1e3
    """What it costs hands, knees and trunk to slide while they rest on the floor, 1/m²."""
    far_position: float = 0.3
    """Errors larger than this count in proportion instead of squared (Huber): positions, m."""
    far_rotation: float = 0.6
    """Orientations, rad."""
    far_bone: float = 0.25
    """Limb bones, as a part of the robot's leg length."""
    margin: float = 0.005
    """Distance kept between bodies, m."""
    reserve: float = 0.003
    """Distance beyond the margin at which bodies begin to push, m."""
    limit_margin: float = 0.12
    """Joints nearer than this to a limit (rad) are pushed back, gently."""
    limit_weight: float = 60.0
    rest_weight: float = 0.002
    """Weight on the distance to the home stance; settles what nothing else does."""
    jump: float = 0.45
    """No joint moves by more than this in one frame (rad), unless a landmark of the human turns faster,"""
    burst: float = 13.5
    """and then no faster than this (rad/s): at 30 frames a second no joint ever jumps."""
    acceleration: float = 1000.0
    """No joint speeds up by more than this, rad/s²."""
    seed: int = 0
    """Of the random seeds of the first frame."""


class SequenceFit:
    """A ``Retargeter``; see the module. Holds no state between clips, so one serves any number of them."""

    def __init__(self, robot: Robot, config: SequenceFitConfig = SequenceFitConfig()):
        c = config
        weights = replace(c.weights, sole_position=c.hold_position, sole_rotation=c.hold_rotation)
        costs = PoseCosts(weights, c.margin + c.reserve, c.limit_margin, c.limit_weight, c.rest_weight)
        self.robot = robot
        self.config = config
        self._told = asdict(config)
        self._fit = LandmarkProblem(robot, costs, c.ground, c.parts, c.seed)
        self._single = FrameIKConfig()
        self._mass, self._centre = masses(robot, self._fit.tree)

    def __call__(self, motions: Sequence[HumanMotion]) -> list[RobotMotion]:
        return [self._retarget(human, None, STAGES) for human in motions]

    def polish(self, human: HumanMotion, start: RobotMotion, *, rough: bool = False) -> RobotMotion:
        """The same from a motion that is nearly right, in a few steps. A ``rough`` start, such as a network's, is first
        fitted with constraints that give a little.

        Raises ShapeError unless both clips have the same frames, SkeletonMismatch for another robot's motion.
        """
        check_fit(self.robot, start)
        if start.frames != human.frames:
            raise ShapeError(
                f"The human has {human.frames} frames, and the motion to start from {start.frames}."
            )
        quat = quat_normalize(start.root_quat.astype(np.float64))
        poses = (start.root_pos.astype(np.float64), quat, start.joint_pos.astype(np.float64))
        return self._retarget(human, Trajectory(*poses), STAGES if rough else STAGES[-1:])

    def _retarget(
        self, human: HumanMotion, start: Trajectory | None, stages: tuple[Stage, ...]
    ) -> RobotMotion:
        c, fit, robot = self.config, self._fit, self.robot
        if c.heal:
            human = motion.steady(motion.heal(human)[0])
        targets = fit.targets(human, plant_feet=c.plant_feet)
        problem = fit.problem(
            targets.has_quat, human.fps, self._single.viscosity, frame_settings(self._single)
        )
        frames = fit.frames(targets, human, c.jump)
        course = self._course(problem, frames, targets, human.fps)
        if start is None:
            start = self._start(problem, frames, course, human.fps)
        self._lock(problem, frames, targets, course, start)
        problem = problem._replace(settings=problem.settings._replace(reach=REACH))
        made, steps = fit_sequence(problem, frames, course, start, stages, **windows(human.fps))
        made, tangled = untangle(problem, frames, course, made, fit.seeds[0], fit.limbs, STAGES)
        origin = human.origin.after(
            "retarget.sequence_fit",
            robot=robot.name,
            configuration=self._told,
            scale=round(targets.scale, 4),
            floor_shift_m=round(targets.shift, 4),
            steps=steps,
            tangled_frames=tangled,
        )
        return RobotMotion(
            robot.name,
            robot.joints,
            human.fps,
            made.root_pos,
            made.root_quat,
            np.clip(made.q, robot.lower, robot.upper),
            targets.contacts.as_tracks(),
            origin,
        )

    def _course(self, problem: Problem, frames: Targets, targets: LandmarkTargets, fps: float) -> Course:
        c, fit, (time, marks) = self.config, self._fit, targets.pos.shape[:2]
        dofs, lengths = len(problem.lower), RobotLengths.of(self.robot)
        ankles = [fit.names.index(f"{side}_ankle") for side in self.robot.feet]
        hold = targets.hold[:, ankles]
        gain = np.ones((time, len(fit.names), 3))
        gain[:, marks:] = hold[..., None]
        pelvis = frames.pos[:, fit.names.index("pelvis")]
        disc, heed = support(self.robot, frames.pos[:, marks:], hold, pelvis, fps, lengths.size)
        return Course(
            gain=gain,
            knee=np.array([c.far_position, c.far_rotation, c.far_bone * lengths.size]),
            rest=np.tile(self.robot.home[7:].astype(np.float64), (time, 1)),
            smoothness=smoothness(c.smoothness, fps, dofs),
            bend=np.zeros((time, 6 + dofs)),
            most_step=np.minimum(0.98 * problem.speed_step, self._most(frames, fps)[:, None]),
            most_bend=np.full(dofs, c.acceleration / fps**2),
            support=disc,
            balance=c.balance * heed,
            mass=self._mass,
            centre=self._centre,
            contact_stiffness=STAGES[0].contact,
            limit_stiffness=STAGES[0].limit,
            speed_stiffness=STAGES[0].speed,
        )

    def _most(self, frames: Targets, fps: float) -> Float[np.ndarray, "time"]:
        """The most that any joint may move into each frame, rad."""
        return np.minimum(frames.max_step, max(self.config.jump, self.config.burst / fps))

    def _start(self, problem: Problem, frames: Targets, course: Course, fps: float) -> Trajectory:
        c, fit = self.config, self._fit
        if not c.basins:
            one = fit_clip(problem, frames, fit.seeds, fit.limbs)
            return Trajectory(one.root_pos, one.root_quat, one.joint_pos)
        stride = max(2, round(c.restart * fps))
        found = candidates(problem, frames, fit.seeds, [fit.seeds[0]], stride, fit.limbs)
        start, _ = choose(problem, frames, course, found, fit.limbs, c.flip, 30.0 / fps)
        return start

    def _lock(
        self, problem: Problem, frames: Targets, targets: LandmarkTargets, course: Course, start: Trajectory
    ) -> None:
        """Keep hands, knees and trunk in their places while they rest on the floor."""
        touching = {name: targets.contacts[name] for name in PLACES}
        fit = self._fit
        rows = lock_to_floor(fit.names, fit.landmarks, fit.tree, frames, touching, start)
        for k, touches in rows.items():
            if problem.task.position[k].any():  # it has a place to follow, floor or not
                continue
            problem.task.position[k] = (self.config.ground_lock, self.config.ground_lock, 0.0)
            course.gain[:, k, 0] = touches
