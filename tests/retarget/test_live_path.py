"""The exact path of a family of QPs, held against DAQP at many α."""

import numpy as np
import pytest

from understudy import robots
from understudy.kinematics.kernels import live_daqp
from understudy.kinematics.kernels.live_path import CUT, EXACT, RELAXED
from understudy.retarget.live.config import LiveIKConfig
from understudy.retarget.live.control import exact_path, path_of
from understudy.retarget.live.problem import LimbQP, LiveProblem

ALPHAS = np.linspace(0.0, 1.0, 41)


def made(random, n=7, rows=12, least=-0.3, most=0.0):
    """A QP like an arm's: three tasks, little damping, a box, and rows that v = 0 keeps by as much as ``b`` says."""
    jacobian = random.normal(0.0, 0.3, (3, n))
    error = random.normal(0.0, 0.5, 3)
    hessian = 100.0 * jacobian.T @ jacobian + 0.05 * np.eye(n)
    b = random.uniform(least, most, rows)
    lower, upper = -random.uniform(0.0, 0.2, n), random.uniform(0.0, 0.2, n)
    lower[random.integers(n)] = 0.0  # a joint at its limit
    return LimbQP(
        hessian,
        -100.0 * jacobian.T @ error,
        random.normal(0.0, 1.0, (rows, n)),
        b,
        lower,
        upper,
        jacobian,
        error,
        np.full(3, 100.0),
    )


def at(path, alpha):
    return np.array([np.interp(alpha, path.alpha, path.step[:, c]) for c in range(path.step.shape[1])])


def worst_difference(qp, path):
    found = [live_daqp.solve(qp.hessian, a * qp.gradient, qp.rows, qp.b, qp.lower, qp.upper) for a in ALPHAS]
    assert all(v is not None for v in found)
    return max(np.abs(at(path, a) - v).max() for a, v in zip(ALPHAS, found, strict=True))


@pytest.mark.parametrize("n", [4, 7, 17])
def test_the_path_is_that_of_daqp_at_every_alpha(n):
    random = np.random.default_rng(n)
    points = []
    for _ in range(150):
        qp = made(random, n)
        path, code = path_of(qp)
        assert code == EXACT
        assert path.alpha[0] == 0.0
        assert path.alpha[-1] == 1.0
        assert (np.diff(path.alpha) > 0.0).all()
        assert worst_difference(qp, path) < 1e-8
        points.append(len(path.alpha))
    assert max(points) > 6


def test_rows_that_are_already_reached_hold_from_the_start():
    random = np.random.default_rng(1)
    for _ in range(100):
        qp = made(random, least=0.0)
        path, code = path_of(qp)
        assert code == EXACT
        assert np.abs(path.step[0]).max() < 1e-8
        assert worst_difference(qp, path) < 1e-8


def test_broken_rows_are_repaired_from_alpha_zero_on():
    random = np.random.default_rng(2)
    repaired = 0
    for _ in range(200):
        qp = made(random, rows=4, least=-0.1, most=0.1)
        path, code = path_of(qp)
        possible = live_daqp.solve(qp.hessian, 0.0 * qp.gradient, qp.rows, qp.b, qp.lower, qp.upper)
        assert (code == EXACT) == (possible is not None)
        if possible is None:
            continue
        assert worst_difference(qp, path) < 1e-8
        repaired += (qp.b > 0.0).any()
    assert repaired > 20


def test_rows_that_cannot_be_met_are_met_in_part():
    """One row wants joint 0 to move by more than the box lets it; the others are kept."""
    qp = made(np.random.default_rng(3), rows=2)
    rows, b = qp.rows.copy(), qp.b.copy()
    rows[0], b[0] = np.eye(7)[0], 1.0
    upper = np.full(7, 0.1)
    path, code = path_of(LimbQP(qp.hessian, qp.gradient, rows, b, -upper, upper, *_tasks(qp)))
    assert code == RELAXED
    assert np.allclose(path.step[:, 0], 0.1)
    assert (path.step @ rows[1] >= b[1] - 1e-9).all()


def test_equal_rows_do_not_go_round_in_circles():
    random = np.random.default_rng(4)
    for _ in range(50):
        qp = made(random, rows=3)
        rows, b = np.repeat(qp.rows, 4, axis=0), np.repeat(qp.b, 4)
        doubled = LimbQP(qp.hessian, qp.gradient, rows, b, qp.lower, qp.upper, *_tasks(qp))
        path, code = path_of(doubled)
        assert code != CUT
        assert worst_difference(qp, path) < 1e-8


def test_a_sole_in_the_floor_is_lifted_out():
    """Twelve corners, all too deep: rows in three directions alone, every one of them broken at v = 0."""
    random = np.random.default_rng(7)
    lifted = 0
    for _ in range(200):
        qp = made(random, n=6)
        corners = np.column_stack([np.ones(12), random.uniform(-0.1, 0.1, (12, 2))])
        rows, b = corners @ random.normal(0.0, 0.4, (3, 6)), random.uniform(0.002, 0.02, 12)
        deep = LimbQP(qp.hessian, qp.gradient, rows, b, qp.lower, qp.upper, *_tasks(qp))
        path, code = path_of(deep)
        assert code != CUT
        if code == EXACT:
            lifted += 1
            assert worst_difference(deep, path) < 1e-8
    assert lifted > 20


def test_no_room_at_all():
    qp = made(np.random.default_rng(5))
    path = exact_path(LimbQP(qp.hessian, qp.gradient, qp.rows, qp.b, np.zeros(7), np.zeros(7), *_tasks(qp)))
    assert np.abs(path.step).max() < 1e-8


def test_the_kernels_rows_are_derivatives():
    """Jacobians of all tasks and slopes of all barriers, by differences, on every limb."""
    robot = robots.load("unitree_g1")
    problem = LiveProblem.build(robot, LiveIKConfig(gamma=1.0, buffer=0.0, step=1.0))
    random, room = np.random.default_rng(6), problem.workspace()
    qpos = robot.home.astype(np.float64)
    qpos[7:] += random.normal(0.0, 0.2, len(robot.joints))
    pose, goal = problem.pose(qpos), problem.goal()
    goal.pos[:] = random.normal(0.0, 0.3, goal.pos.shape)
    for k, limb in enumerate(problem.limbs):
        qp = problem.assemble(k, pose, goal, room)
        kept = problem.barrier_values(pose)[problem.limb_arrays.pairs[k, : problem.limb_arrays.count[k, 3]]]
        for a, column in enumerate(limb.columns):
            moved = qpos.copy()
            moved[7 + column - 6] += 1e-6
            there = problem.assemble(k, problem.pose(moved), goal, problem.workspace())
            weighs = problem.task_arrays.position[problem.tasks.index(limb.landmarks[0])] > 0.0
            if weighs:  # orientation errors turn with their frames, which matters away from the goal
                assert np.abs(-(there.error - qp.error)[:3] / 1e-6 - qp.jacobian[:3, a]).max() < 1e-5
            slopes = (problem.barrier_values(problem.pose(moved)) - problem.barrier_values(pose)) / 1e-6
            slopes = slopes[problem.limb_arrays.pairs[k, : len(kept)]]
            # Rows are those of some pairs, in order; each is found among the slopes.
            assert all(np.abs(slopes - value).min() < 1e-4 for value in qp.rows[:, a])


def _tasks(qp):
    return qp.jacobian, qp.error, qp.certified
