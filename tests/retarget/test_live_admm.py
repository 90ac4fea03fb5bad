"""Batched ADMM held against the exact path, and the global SQP against what it promises."""

from dataclasses import replace

import numpy as np
import pytest

from understudy import robots
from understudy.errors import LimitError
from understudy.retarget.live.admm import Admm, misfit
from understudy.retarget.live.config import LiveIKConfig
from understudy.retarget.live.control import Control, exact_path
from understudy.retarget.live.global_sqp import GlobalSqp
from understudy.retarget.live.problem import LiveProblem

ARMS = LiveIKConfig(waist=False, elbow_weight=0.0, hand_turn_weight=0.0, certificate="none", posture=0.0)


@pytest.fixture(scope="module")
def problem():
    return LiveProblem.build(robots.load("unitree_g1"), ARMS)


def reaching(problem, far):
    """The home stance with both hands asked for forwards and up, by ``far`` (m)."""
    pose, goal = problem.pose(problem.robot.home), problem.goal()
    for k in range(len(problem.tasks)):
        link = problem.task_arrays.link[k]
        place = pose.pos[link] + pose.rot[link] @ problem.task_arrays.point[k]
        goal.pos[k] = place + far * np.array([1.0, 0.0, 0.5])
    return pose, goal


def arm_qp(problem, far=0.15, limb=0):
    pose, goal = reaching(problem, far)
    return problem.assemble(limb, pose, goal, problem.workspace())


@pytest.mark.parametrize("limb", [0, 1])
def test_many_iterations_agree_with_the_exact_path(problem, limb):
    qp = arm_qp(problem, limb=limb)
    found = Admm(16, iterations=4000, rho=1.0, double=True)(qp, limb)
    path = exact_path(qp)
    assert (path.step[-1] <= qp.lower + 1e-9).any() or (path.step[-1] >= qp.upper - 1e-9).any()
    short = misfit(qp, found)
    assert short.apart.max() < 1e-8
    assert short.broken.max() < 1e-9


def test_barrier_rows_hold_after_many_iterations(problem):
    """A row through half of the solution's step: the path bends at it."""
    qp = replace(arm_qp(problem), rows=np.zeros((0, 7)), b=np.zeros(0))
    v = exact_path(qp).step[-1]
    row = v / np.linalg.norm(v)
    barred = replace(qp, rows=-row[None], b=np.array([-0.5 * row @ v]))
    assert np.abs(exact_path(barred).step[-1] @ row - 0.5 * row @ v) < 1e-9
    short = misfit(barred, Admm(16, iterations=4000, rho=1.0, double=True)(barred, 0))
    assert short.apart.max() < 1e-8
    assert short.broken.max() < 1e-9


def test_fifty_iterations_do_not_and_say_so(problem):
    qp = arm_qp(problem)
    found = Admm(256)(qp, 0)
    assert len(found.alpha) == 257
    assert (found.step >= qp.lower).all()
    assert (found.step <= qp.upper).all()
    assert misfit(qp, found).apart.max() > 1e-3
    assert misfit(qp, exact_path(qp)).apart.max() == 0.0


def test_each_limb_goes_on_from_where_it_was(problem):
    solver, qps = Admm(16), [arm_qp(problem, limb=k) for k in range(2)]
    first, other = (misfit(qp, solver(qp, k)).apart.max() for k, qp in enumerate(qps))
    for _ in range(20):
        again = [misfit(qp, solver(qp, k)).apart.max() for k, qp in enumerate(qps)]
    assert again[0] < 0.5 * first
    assert again[1] < 0.5 * other


def test_single_precision_is_enough_for_fifty_iterations(problem):
    qp = arm_qp(problem)
    assert np.abs(Admm(16)(qp, 0).step - Admm(16, double=True)(qp, 0).step).max() < 1e-5


def test_alphas_can_be_drawn(problem):
    solver, qp = Admm(64, seed=1), arm_qp(problem)
    first, second = solver(qp, 0).alpha, solver(qp, 0).alpha
    assert (np.diff(first) >= 0.0).all()
    assert first.min() > 0.0
    assert first.max() < 1.0
    assert not np.array_equal(first, second)
    assert np.array_equal(Admm(64, seed=1)(qp, 0).alpha, first)


def test_a_robot_follows_it(problem):
    pose, goal = reaching(problem, 0.08)
    control = Control(problem, Admm(32))
    before = [np.linalg.norm(problem.assemble(k, pose, goal, problem.workspace()).error) for k in range(2)]
    for _ in range(40):
        control.step(pose, goal)
    after = [np.linalg.norm(problem.assemble(k, pose, goal, problem.workspace()).error) for k in range(2)]
    assert max(after) < 0.25 * min(before)
    assert (problem.barrier_values(pose) > -1e-6).all()


def test_counts_below_one_are_refused():
    with pytest.raises(LimitError, match="at least one"):
        Admm(0)


def test_the_global_problem_is_solved_in_one_step():
    robot = robots.load("unitree_g1")
    problem = LiveProblem.build(
        robot, replace(ARMS, limbs="monolithic", gamma=1.0, brake=1.0, limit_weight=0.0)
    )
    pose, goal = reaching(problem, 0.12)
    solver = GlobalSqp(problem)
    taken = solver.step(pose, goal)
    assert taken.alpha[0] == 1.0
    assert 1 < solver.iterations < 60
    assert np.linalg.norm(problem.assemble(0, pose, goal, problem.workspace()).error) < 1e-3
    assert (problem.barrier_values(pose) > -1e-6).all()
    assert (pose.q >= robot.lower - 1e-9).all()
    assert (pose.q <= robot.upper + 1e-9).all()
    assert solver.step(pose, goal) is not None
    assert solver.iterations <= 3


def test_the_global_problem_has_one_limb(problem):
    with pytest.raises(LimitError, match="monolithic"):
        GlobalSqp(problem)
