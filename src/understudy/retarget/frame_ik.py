"""FrameIK: retargeting frame by frame, done right.

Every frame is a constrained fit of the robot's pose to the human's landmarks, warm-started from the frame before and
solved until it has converged, so that the result hardly depends on history. The first frame starts from the human
root's own pose and several seeds. Joint limits and motor speed are hard, self-collision and the floor barriers.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from understudy.kinematics.clip_fit import fit_clip
from understudy.kinematics.kernels.arrays import Settings
from understudy.motion.types import HumanMotion, RobotMotion
from understudy.retarget.landmark_problem import LandmarkProblem, PoseCosts, Weights
from understudy.robots.robot import Robot


@dataclass(frozen=True)
class FrameIKConfig:
    """Everything that can be chosen about FrameIK."""

    weights: Weights = field(default_factory=Weights)
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
        c = config
        costs = PoseCosts(c.weights, c.margin, c.limit_margin, c.limit_weight, c.rest_weight)
        self.robot = robot
        self.config = config
        self._told = asdict(config)
        self._fit = LandmarkProblem(robot, costs, c.ground, c.parts, c.seed)

    def __call__(self, motions: Sequence[HumanMotion]) -> list[RobotMotion]:
        return [self._retarget(motion) for motion in motions]

    def _retarget(self, human: HumanMotion) -> RobotMotion:
        c, shared = self.config, self._fit
        targets = shared.targets(human, plant_feet=c.plant_feet)
        problem = shared.problem(targets.has_quat, human.fps, c.viscosity, frame_settings(c))
        fit = fit_clip(problem, shared.frames(targets, human, c.jump), shared.seeds, shared.limbs)
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


def frame_settings(config: FrameIKConfig) -> Settings:
    """How the solver of single frames runs."""
    return Settings(
        iterations=config.iterations,
        first_iterations=config.first_iterations,
        tolerance=config.tolerance,
        good=config.good,
        prior=config.prior,
        damping=1e-4,
        stiffness=1e7,
        floor=0.0,
        floor_on=True,
        holding=False,
        reach=0.03,
        root_step=0.3,
        turn_step=0.6,
    )
