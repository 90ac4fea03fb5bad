"""Frame tasks against finite differences, and their steps against the QP that they stand for."""

import numpy as np
import pytest

from understudy import robots
from understudy.errors import SolverFailed
from understudy.kinematics import frame_tasks
from understudy.kinematics.frame_tasks import FrameTasks, Pose, StepRule, solve_clip
from understudy.kinematics.kernels import frame_tasks as kernels
from understudy.kinematics.tree import Tree
from understudy.rotations import quat_from_rotvec, quat_normalize, quat_to_matrix

TASKS = 5


@pytest.fixture(scope="module")
def tree():
    return Tree.from_robot(robots.load("unitree_g1"))


def problem(tree, rng, far=1.0):
    """Tasks on random links, random targets up to ``far`` of a half turn away, and a random pose."""
    n = len(tree.lower)
    tasks = FrameTasks(
        rng.choice(len(tree.parents), TASKS, replace=False).astype(np.int64),
        rng.normal(0, 0.1, (TASKS, 3)),
        np.arange(TASKS),
        rng.uniform(0, 20, TASKS),
        rng.uniform(0, 20, TASKS),
    )
    pose = rng.normal(0, 1, 3), quat_normalize(rng.normal(0, 1, 4)), rng.uniform(-1, 1, n)
    axis = rng.normal(0, 1, (TASKS, 3))
    turn = far * 3.0 * axis / np.linalg.norm(axis, axis=-1, keepdims=True)
    return tasks, pose, pose[0] + rng.normal(0, far, (TASKS, 3)), quat_to_matrix(quat_from_rotvec(turn))


def errors_at(tree, tasks, pose, goal_pos, goal_rot):
    links = len(tree.parents)
    pos, rot, e = np.empty((links, 3)), np.empty((links, 3, 3)), np.empty((TASKS, 6))
    norm = kernels.errors(tree.arrays(), tasks, goal_pos, goal_rot, *pose, pos, rot, e)
    return pos, rot, e, norm


def moved(pose, step):
    there = tuple(part.copy() for part in pose)
    kernels.advance(step, *there)
    return there


@pytest.mark.parametrize("seed", range(8))
def test_the_normal_equations_are_those_of_finite_differences(tree, seed):
    rng = np.random.default_rng(seed)
    tasks, pose, goal_pos, goal_rot = problem(tree, rng, far=1.0 if seed else 1e-3)
    pos, rot, e, norm = errors_at(tree, tasks, pose, goal_pos, goal_rot)
    assert norm == pytest.approx(np.linalg.norm(e))
    n, h = 6 + len(tree.lower), 1e-6
    jacobian = np.empty((TASKS * 6, n))
    for k in range(n):
        steps = [moved(pose, s * h * np.eye(n)[k]) for s in (1, -1)]
        ahead, behind = (errors_at(tree, tasks, there, goal_pos, goal_rot)[2] for there in steps)
        jacobian[:, k] = ((ahead - behind) / (2 * h)).ravel()
    weight = np.repeat(np.stack([tasks.position, tasks.rotation], -1), 3, axis=-1).ravel()
    hessian, gradient = np.empty((n, n)), np.empty(n)
    kernels.linearise(tree.arrays(), tasks, pos, rot, e, 0.5, hessian, gradient)
    weighted, missed = weight[:, None] * jacobian, weight * e.ravel()
    expected = weighted.T @ weighted + (0.5 + missed @ missed) * np.eye(n)
    scale = np.abs(expected).max()
    assert np.abs(np.tril(hessian - expected)).max() < 1e-6 * scale
    assert np.abs(gradient - weighted.T @ missed).max() < 1e-6 * scale


def test_an_error_is_the_motion_that_leads_to_the_target(tree):
    """Turning and shifting a free link by its error, for a unit of time, ends at the target: e is a logarithm."""
    rng = np.random.default_rng(3)
    tasks, pose, goal_pos, goal_rot = problem(tree, rng)
    tasks = tasks._replace(link=np.zeros(TASKS, np.int64), point=np.zeros((TASKS, 3)))
    pos, rot, e, _ = errors_at(tree, tasks, pose, goal_pos, goal_rot)
    for k in range(TASKS):
        place, turned, slices = pos[0].copy(), rot[0].copy(), 20000
        turn = quat_to_matrix(quat_from_rotvec(e[k, 3:] / slices))
        half = quat_to_matrix(quat_from_rotvec(0.5 * e[k, 3:] / slices))
        for _ in range(slices):
            place = place + turned @ half @ e[k, :3] / slices
            turned = turned @ turn
        assert np.abs(place - goal_pos[k]).max() < 1e-6
        assert np.abs(turned - goal_rot[k]).max() < 1e-6


def test_a_stage_ends_when_it_gains_no_more_and_never_passes_a_limit(tree):
    rng = np.random.default_rng(5)
    tasks, pose, goal_pos, _ = problem(tree, rng)
    start = Pose(pose[0], pose[1], np.zeros(len(tree.lower)))
    goal = np.tile(goal_pos, (3, 1, 1)), np.tile(quat_normalize(rng.normal(0, 1, (TASKS, 4))), (3, 1, 1))
    fit = solve_clip(
        tree.arrays(), [tasks, tasks], *goal, tree.lower, tree.upper, start, StepRule(0.5, 1e-3, 11, 0.95)
    )
    assert ((fit.steps >= 2) & (fit.steps <= 22)).all()
    assert (fit.joint_pos >= tree.lower).all()
    assert (fit.joint_pos <= tree.upper).all()
    once = solve_clip(
        tree.arrays(), [tasks], *goal, tree.lower, tree.upper, start, StepRule(0.5, 1e9, 11, 0.95)
    )
    assert (once.steps == 1).all()


def test_a_step_that_does_not_exist_is_said(tree):
    n = 6 + len(tree.lower)
    with pytest.raises(SolverFailed, match="DAQP"):
        frame_tasks._step(np.eye(n), np.zeros(n), tree.lower, tree.lower - 1.0, tree.lower, 0.95)
