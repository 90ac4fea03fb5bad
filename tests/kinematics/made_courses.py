"""Small made-up problems for the fits of whole clips: random ones, to try derivatives on, and clips to be followed."""

import numpy as np

from understudy.kinematics.clip_fit import landmark_arrays
from understudy.kinematics.collision import Capsules
from understudy.kinematics.kernels.arrays import (
    Course,
    PostureArrays,
    Problem,
    Settings,
    Targets,
    TaskArrays,
)
from understudy.kinematics.kernels.forward import forward_clip
from understudy.kinematics.sequence import Trajectory
from understudy.kinematics.tree import Tree
from understudy.retarget.course import masses
from understudy.robots.robot import Robot
from understudy.rotations import quat_apply, quat_from_rotvec, quat_mul, quat_normalize, quat_to_matrix

Made = tuple[Problem, Targets, Course, Trajectory]
SETTINGS = Settings(10, 30, 1e-6, 0.0, 0.02, 1e-6, 1e7, 0.0, True, False, 0.03, 1.0, 1.0)


def new_course(robot: Robot, frames: int, **changes) -> Course:
    """Nothing is asked beyond the targets of the frames, and all penalties are off."""
    dofs, tree = len(robot.joints), Tree.from_robot(robot)
    mass, centre = masses(robot, tree)
    return Course(
        gain=np.ones((frames, len(robot.landmarks.names), 3)),
        knee=np.full(3, np.inf),
        rest=np.tile(robot.home[7:].astype(np.float64), (frames, 1)),
        smoothness=np.zeros(6 + dofs),
        bend=np.zeros((frames, 6 + dofs)),
        most_step=np.full((frames, dofs), np.inf),
        most_bend=np.full(dofs, np.inf),
        support=np.zeros((frames, 3)),
        balance=np.zeros(frames),
        mass=mass,
        centre=centre,
        contact_stiffness=0.0,
        limit_stiffness=0.0,
        speed_stiffness=0.0,
    )._replace(**changes)


def new_problem(robot: Robot, task: TaskArrays, posture: PostureArrays, settings: Settings) -> Problem:
    """The robot, 5 mm between its bodies, and no bound on how it moves."""
    tree = Tree.from_robot(robot)
    lower, upper = robot.lower.astype(np.float64), robot.upper.astype(np.float64)
    return Problem(
        tree.arrays(),
        landmark_arrays(robot, tree),
        Capsules.from_robot(robot).arrays(0.005),
        task,
        posture,
        settings,
        lower,
        upper,
        np.full(len(lower), np.inf),
        np.zeros(6 + len(lower), dtype=bool),
    )


def no_tasks(robot: Robot) -> TaskArrays:
    n = len(robot.landmarks.names)
    return TaskArrays(np.zeros((n, 3)), np.zeros(n), np.zeros(n), np.zeros((n, 3)))


def rambling(robot: Robot, rng: np.random.Generator, frames: int, stride: float, turn: float) -> Trajectory:
    """Poses that wander by about ``stride`` (m, rad) a frame from a random one; the root turns by ``turn`` (rad)."""
    dofs = len(robot.joints)
    root_quat = [quat_normalize(rng.normal(size=4))]
    for way in rng.normal(size=(frames - 1, 3)):
        root_quat.append(quat_mul(quat_from_rotvec(turn * way), root_quat[-1]))
    q = np.cumsum(stride * rng.normal(size=(frames, dofs)), axis=0)
    return Trajectory(
        rng.normal(size=3) + np.cumsum(stride * rng.normal(size=(frames, 3)), axis=0),
        np.stack(root_quat),
        q + rng.uniform(robot.lower, robot.upper),
    )


def random_problem(robot: Robot, rng: np.random.Generator, frames: int, *, turn: float = 0.0) -> Made:
    """Every landmark is asked for something that it is far from, every joint moves and bends, masses must balance."""
    n, dofs = len(robot.landmarks.names), len(robot.joints)
    weights = np.tile(rng.uniform(0, 2, (n, 1)), (1, 3))
    task = TaskArrays(weights, rng.uniform(0, 2, n), rng.uniform(0, 2, n), rng.normal(size=(n, 3)))
    home = robot.home[7:].astype(np.float64)
    posture = PostureArrays(home, np.full(dofs, 0.3), 0.0, 0.3, 0.7)
    targets = Targets(
        rng.normal(size=(frames, n, 3)),
        quat_to_matrix(quat_normalize(rng.normal(size=(frames, n, 4)))),
        0.3 * rng.normal(size=(frames, n, 3)),
        np.zeros((frames, 3)),
        np.tile([1.0, 0, 0, 0], (frames, 1)),
        np.ones(frames),
    )
    course = new_course(
        robot,
        frames,
        gain=rng.uniform(0, 1, (frames, n, 3)),
        knee=np.array([0.8, 1.0, 0.5]),
        rest=rng.uniform(robot.lower, robot.upper, (frames, dofs)),
        smoothness=rng.uniform(0, 3, 6 + dofs),
        bend=0.1 * rng.normal(size=(frames, 6 + dofs)),
        support=np.column_stack([rng.normal(size=(frames, 2)), np.full(frames, 0.1)]),
        balance=rng.uniform(0, 3, frames),
        most_step=np.full((frames, dofs), 0.05),
        most_bend=np.full(dofs, 0.05),
    )
    problem = new_problem(robot, task, posture, SETTINGS)
    return problem, targets, course, rambling(robot, rng, frames, 0.05, turn)


def marks_of(problem: Problem, at: Trajectory) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions (m) and rotations of all landmarks, and the bones (m) that begin at them."""
    tree, marks = problem.tree, problem.landmarks
    pos, quat = forward_clip(tree, at.root_pos, at.root_quat, at.q, marks.link)
    rot = quat_to_matrix(quat) @ marks.rot
    bone = np.einsum("tkij,kj->tki", rot, problem.task.bone_vector)
    return pos + quat_apply(quat, marks.pos), rot, bone


def follow(robot: Robot, at: Trajectory, *, smoothness: float = 0.0, **changes) -> Made:
    """A clip to be followed by pelvis, chest and limbs, with stiff walls and a start exactly on the targets.

    ``smoothness`` weighs squared second differences; ``changes`` are made to the course.
    """
    n, dofs, frames = len(robot.landmarks.names), len(robot.joints), len(at.q)
    position, rotation, bone = np.zeros((n, 3)), np.zeros(n), np.zeros(n)
    for k, name in enumerate(robot.landmarks.names):
        part = name.split("_")[-1]
        position[k] = {"pelvis": 60.0, "ankle": 60.0}.get(part, 0.0)
        rotation[k] = {"pelvis": 4.0, "chest": 4.0, "wrist": 0.3}.get(part, 0.0)
        bone[k] = {"hip": 60.0, "knee": 20.0, "shoulder": 120.0, "elbow": 120.0}.get(part, 0.0)
    home = robot.home[7:].astype(np.float64)
    posture = PostureArrays(home, np.full(dofs, 0.002), 0.0, 0.0, 0.0)
    task = TaskArrays(position, rotation, bone, np.tile([0.0, 0.0, -0.3], (n, 1)))
    problem = new_problem(robot, task, posture, SETTINGS)
    targets = Targets(
        *marks_of(problem, at), at.root_pos.copy(), at.root_quat.copy(), np.full(frames, np.inf)
    )
    course = new_course(
        robot,
        frames,
        smoothness=smoothness * np.concatenate([np.full(3, 40.0), np.full(3, 4.0), np.ones(dofs)]),
        contact_stiffness=1e4,
        limit_stiffness=1e4,
        speed_stiffness=1e4,
    )
    return problem, targets, course._replace(**changes), at


STANCE = {"shoulder_roll": 0.7, "hip_roll": 0.2}
"""Radians by which limbs are led away from the body, so that nothing touches while all joints swing."""


def swaying(robot: Robot, frames: int, fps: float = 30.0, size: float = 0.1) -> Trajectory:
    """A stance with limbs apart, above the floor; every joint swings about it (rad) at its own pace."""
    rng, time = np.random.default_rng(5), np.arange(frames) / fps
    pace, phase = rng.uniform(0.2, 0.6, len(robot.joints)), rng.uniform(0, 6, len(robot.joints))
    home = robot.home.astype(np.float64)
    stance = home[7:].copy()
    for joint, away in STANCE.items():
        for side, sign in (("left", 1.0), ("right", -1.0)):
            stance[robot.joints.index(f"{side}_{joint}_joint")] += sign * away
    q = stance + size * np.sin(2 * np.pi * pace * time[:, None] + phase)
    root = home[:3] + 0.03 * np.sin(2 * np.pi * 0.3 * time)[:, None] + np.array([0.0, 0.0, 0.12])
    return Trajectory(
        root, np.tile(home[3:7], (frames, 1)), np.clip(q, robot.lower + 0.02, robot.upper - 0.02)
    )
