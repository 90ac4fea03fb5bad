"""Make any robot motion pass its certificate, with the least change: SequenceFit with the motion itself as its target.

Joints out of range or too fast, jumps, bodies in each other or under the floor are constraints; all else is to stay
as it was, and what must change is to change smoothly: the fit keeps the motion's own accelerations, not small ones.
"""

from dataclasses import asdict, dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from understudy.errors import LimitError
from understudy.kinematics.kernels.arrays import Course, Problem, Targets
from understudy.kinematics.poses import check_fit, landmark_tracks
from understudy.kinematics.sequence import Stage, Trajectory, fit_sequence, windows
from understudy.kinematics.untangle import untangle
from understudy.motion.types import RobotMotion
from understudy.retarget.course import masses, smoothness
from understudy.retarget.frame_ik import FrameIKConfig, frame_settings
from understudy.retarget.landmark_problem import LandmarkProblem, PoseCosts, Weights
from understudy.robots import load
from understudy.robots.robot import Robot
from understudy.rotations import quat_conj, quat_mul, quat_normalize, quat_to_rotvec

STAGES = (Stage(1e4, 1e4, 1e4, 20), Stage(1e6, 1e6, 1e5, 12))


@dataclass(frozen=True)
class RepairConfig:
    """Everything that can be chosen about a repair."""

    joint: float = 5.0
    """What it costs a joint to be elsewhere, 1/rad²."""
    root_position: float = 20.0
    """What it costs the pelvis to be elsewhere, 1/m²."""
    root_rotation: float = 20.0
    """What it costs the pelvis to be turned otherwise, 1/rad²."""
    smoothness: float = 1e-6
    """What a change of acceleration costs, s⁴/rad²."""
    margin: float = 0.005
    """Distance made between bodies that are too near, m."""
    jump: float = 0.45
    """No joint moves by more than this in one frame, rad."""
    acceleration: float = 1000.0
    """No joint speeds up by more than this, rad/s²."""


def repair(
    motion: RobotMotion, robot: Robot | None = None, config: RepairConfig = RepairConfig()
) -> RobotMotion:
    """The motion nearest to a given one that its robot can make; a motion without faults stays as it is.

    ``robot`` is loaded by the motion's own name if not given. Frames that are not finite are filled in from those
    beside them. Raises LimitError if no frame is finite, SkeletonMismatch for the
    joints of another robot.
    """
    robot = load(motion.robot) if robot is None else robot
    check_fit(robot, motion)
    c = config
    weights = Weights(**dict.fromkeys(vars(Weights()), 0.0))
    weights = replace(weights, pelvis_position=c.root_position, pelvis_rotation=c.root_rotation)
    costs = PoseCosts(weights, c.margin, limit_margin=0.0, limit_weight=0.0, rest_weight=c.joint)
    fit = LandmarkProblem(robot, costs, "none", "whole", 0)
    given, filled = _finite(motion)
    given = Trajectory(given.root_pos, given.root_quat, np.clip(given.q, robot.lower, robot.upper))
    if fit.pinned:
        home = robot.home.astype(np.float64)
        given.root_pos[:], given.root_quat[:] = home[:3], home[3:7]
    single = FrameIKConfig()
    problem = fit.problem([True] * len(robot.landmarks.names), motion.fps, 0.0, frame_settings(single))
    targets = _targets(fit, motion, given, c.jump)
    course = _course(fit, problem, targets, given, config, motion.fps)
    made, steps = fit_sequence(problem, targets, course, given, STAGES, **windows(motion.fps))
    made, tangled = untangle(problem, targets, course, made, fit.seeds[0], fit.limbs, STAGES)
    joints = np.clip(made.q, robot.lower, robot.upper)
    changed = float(np.nanmean(np.abs(joints - np.where(filled[:, None], np.nan, motion.joint_pos))))
    origin = motion.origin.after(
        "retarget.repair",
        configuration=asdict(config),
        mean_joint_change_rad=round(changed, 6),
        filled_frames=int(filled.sum()),
        steps=steps,
        tangled_frames=tangled,
    )
    return replace(
        motion,
        root_pos=made.root_pos,
        root_quat=made.root_quat,
        joint_pos=joints,
        origin=replace(origin, certificate=None),
    )


def _finite(motion: RobotMotion) -> tuple[Trajectory, Bool[np.ndarray, "time"]]:
    """The motion with frames that are not finite filled in, and which those are."""
    flat = motion.qpos.astype(np.float64)
    bad = np.asarray(~np.isfinite(flat).all(axis=1))
    if bad.all():
        raise LimitError("No frame of the motion is finite; there is nothing to repair.")
    # A quaternion and its negative are one turn; what lies between them is not.
    good = flat[~bad, 3:7]
    flips = np.cumprod(np.where((good[1:] * good[:-1]).sum(-1) < 0.0, -1.0, 1.0))
    flat[~bad, 3:7] = good * np.concatenate([[1.0], flips])[:, None]
    at = np.arange(len(flat))
    for column in flat.T:
        column[bad] = np.interp(at[bad], at[~bad], column[~bad])
    return Trajectory(flat[:, :3].copy(), quat_normalize(flat[:, 3:7]), flat[:, 7:].copy()), bad


def _targets(fit: LandmarkProblem, motion: RobotMotion, given: Trajectory, jump: float) -> Targets:
    sound = replace(motion, root_pos=given.root_pos, root_quat=given.root_quat, joint_pos=given.q)
    pos, quat = (a.astype(np.float64) for a in landmark_tracks(fit.robot, sound))
    most = np.full(len(pos), jump)
    return fit.arrays(pos, quat, np.zeros_like(pos), given.root_pos, given.root_quat, most)


def _course(
    fit: LandmarkProblem,
    problem: Problem,
    targets: Targets,
    given: Trajectory,
    config: RepairConfig,
    fps: float,
) -> Course:
    (time, dofs), most_bend = given.q.shape, config.acceleration / fps**2
    bend = _bend(given)
    bend[:, 6:] = np.clip(bend[:, 6:], -most_bend, most_bend)
    mass, centre = masses(fit.robot, fit.tree)
    return Course(
        gain=np.ones((time, len(fit.names), 3)),
        knee=np.full(3, np.inf),
        rest=given.q,
        smoothness=smoothness(config.smoothness, fps, dofs),
        bend=bend,
        most_step=np.minimum(0.98 * problem.speed_step, targets.max_step[:, None]),
        most_bend=np.full(dofs, most_bend),
        support=np.zeros((time, 3)),
        balance=np.zeros(time),
        mass=mass,
        centre=centre,
        contact_stiffness=STAGES[0].contact,
        limit_stiffness=STAGES[0].limit,
        speed_stiffness=STAGES[0].speed,
    )


def _bend(given: Trajectory) -> Float[np.ndarray, "time tangent"]:
    """Second differences of a trajectory: of frame t and the two before it, zero where there are none."""
    quat = given.root_quat
    moves = np.concatenate(
        [
            np.diff(given.root_pos, axis=0),
            quat_to_rotvec(quat_mul(quat[1:], quat_conj(quat[:-1]))),
            np.diff(given.q, axis=0),
        ],
        axis=1,
    )
    out = np.zeros((len(quat), 6 + given.q.shape[1]))
    out[2:] = np.diff(moves, axis=0)
    return out
