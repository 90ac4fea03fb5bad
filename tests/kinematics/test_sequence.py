"""The whole-clip fit: its derivatives against differences, its walls, its windows, and that it only ever improves."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest
from made_courses import (
    SETTINGS,
    Made,
    follow,
    marks_of,
    new_course,
    new_problem,
    no_tasks,
    random_problem,
    swaying,
)

from understudy import robots
from understudy.errors import SolverFailed
from understudy.kinematics.kernels import sequence as kernels
from understudy.kinematics.kernels.arrays import Course, PostureArrays, Problem, Targets
from understudy.kinematics.sequence import Stage, Trajectory, fit_sequence, fit_window
from understudy.rotations import quat_from_rotvec, quat_mul

SOFT = Stage(30.0, 20.0, 10.0, 10)
"""Penalties that are felt beside random tasks, and soft enough for central differences."""


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


class Equations:
    """What ``assemble`` makes of a clip."""

    def __init__(self, problem: Problem, targets: Targets, course: Course, at: Trajectory, fixed: int = 0):
        frames, self.n = len(at.q), 6 + at.q.shape[1]
        size, rows = (frames - fixed) * self.n, 400 * frames
        self.problem, self.course, self.at, self.fixed = problem, course, at, fixed
        self.band, self.gradient = np.empty((size, 2 * self.n + 1)), np.empty(size)
        self.walls = kernels.Walls(np.zeros(frames + 1, np.int64), np.zeros(rows), np.zeros((rows, self.n)))
        self.cost = np.empty(frames)
        self.total = kernels.assemble(
            problem,
            targets,
            course,
            at.root_pos,
            at.root_quat,
            at.q,
            fixed,
            self.walls,
            self.band,
            self.gradient,
            self.cost,
        )

    def penalised(self, step: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
        """Dense Hessian and gradient with the constraints that a step would break, and whether there are any."""
        band, gradient = self.band.copy(), self.gradient.copy()
        p, c = self.problem, self.course
        broken = kernels.penalise(p, c, self.at.q, self.fixed, self.walls, step, band, gradient)
        return dense(band), gradient, broken


def dense(band: np.ndarray) -> np.ndarray:
    """The symmetric matrix whose lower bands these are."""
    size, width = band.shape
    out = np.zeros((size, size))
    for d in range(width):
        at = np.arange(size - d)
        out[at + d, at] = out[at, at + d] = band[at, d]
    return out


def stiffened(course: Course, stage: Stage) -> Course:
    return course._replace(
        contact_stiffness=stage.contact, limit_stiffness=stage.limit, speed_stiffness=stage.speed
    )


def moved(at: Trajectory, step: np.ndarray, fixed: int = 0) -> Trajectory:
    return Trajectory(*kernels.advance(step, fixed, np.inf, at.root_pos, at.root_quat, at.q))


def slopes(made: Made, fixed: int, size: int, at: np.ndarray) -> np.ndarray:
    """Central differences of the cost along the tangent directions ``at``."""
    problem, targets, course, start = made
    found = []
    for i in at:
        step = np.zeros(size)
        step[i] = 1e-6
        plus, minus = (
            Equations(problem, targets, course, moved(start, s * step, fixed), fixed).total for s in (1, -1)
        )
        found.append((plus - minus) / 2e-6)
    return np.array(found)


@pytest.mark.parametrize("fixed", [0, 1, 2])
@pytest.mark.parametrize("stage", [None, SOFT], ids=["free", "constrained"])
def test_gradient_equals_central_differences(g1, stage, fixed):
    rng = np.random.default_rng(10 + fixed)
    problem, targets, course, start = random_problem(g1, rng, 5)
    start.q[2:] += 0.3 * (g1.upper - g1.lower)  # some joints past their range, and too fast
    course = course if stage is None else stiffened(course, stage)
    made = problem, targets, course, start
    here = Equations(*made, fixed=fixed)
    size = len(here.gradient)
    _, gradient, broken = here.penalised(np.zeros(size))
    if stage is None:
        np.testing.assert_array_equal(gradient, here.gradient)
    else:
        assert broken
        assert np.abs(gradient - here.gradient).max() > 0.1
    expected = slopes(made, fixed, size, np.arange(size))
    np.testing.assert_allclose(gradient, expected, rtol=3e-4, atol=3e-4)


def test_the_gradient_is_nearly_exact_while_the_root_turns(g1):
    """Root turns are compared as rotation vectors, whose derivative is taken for the identity."""
    rng, turn = np.random.default_rng(20), 0.02
    problem, targets, course, start = random_problem(g1, rng, 4, turn=turn)
    course = course._replace(gain=0.0 * course.gain, balance=0.0 * course.balance)
    here = Equations(problem, targets, course, start)
    expected = slopes((problem, targets, course, start), 0, len(here.gradient), np.arange(len(here.gradient)))
    assert np.linalg.norm(here.gradient - expected) < turn * np.linalg.norm(expected)


@pytest.mark.parametrize("fixed", [0, 1, 2])
def test_bands_of_smoothness_and_posture_equal_those_of_the_residuals(g1, fixed):
    rng = np.random.default_rng(30)
    problem, targets, course, start = random_problem(g1, rng, 6)
    problem = problem._replace(task=no_tasks(g1))
    course = course._replace(balance=0.0 * course.balance)
    weight, pose = np.sqrt(course.smoothness), problem.posture
    margin = np.minimum(pose.limit_margin, 0.25 * (problem.upper - problem.lower))

    def residuals(x: np.ndarray) -> np.ndarray:
        """Roots are read as vectors: the root's turns are measured from where it starts, and it does not turn."""
        x = np.concatenate([given, x.reshape(-1, given.shape[1])])
        bent = weight * (np.diff(x, 2, axis=0) - course.bend[2:])
        q = x[:, 6:]
        near = np.maximum(q - problem.upper + margin, 0) + np.minimum(q - problem.lower - margin, 0)
        rest = np.sqrt(pose.rest_weight) * (q - course.rest)
        return np.concatenate([bent.ravel(), rest[fixed:].ravel(), np.sqrt(0.7) * near[fixed:].ravel()])

    at = np.concatenate([start.root_pos, np.zeros((6, 3)), start.q], axis=1)
    given, x = at[:fixed], at[fixed:].ravel()
    here = Equations(problem, targets, course, start, fixed)
    steps = 1e-6 * np.eye(len(x))
    jacobian = np.stack([(residuals(x + s) - residuals(x - s)) / 2e-6 for s in steps], axis=1)
    np.testing.assert_allclose(dense(here.band), jacobian.T @ jacobian, atol=1e-6)
    np.testing.assert_allclose(here.gradient, jacobian.T @ residuals(x), atol=1e-6)
    # What joints cost in given frames is nobody's; what ties them to the others is counted.
    assert here.total == pytest.approx(0.5 * residuals(x) @ residuals(x), rel=1e-9)


def test_the_hessian_is_positive_definite_with_and_without_constraints(g1):
    problem, targets, course, start = random_problem(g1, np.random.default_rng(40), 6)
    start.q[3:] += 0.3 * (g1.upper - g1.lower)
    here = Equations(problem, targets, stiffened(course, SOFT), start)
    free = np.linalg.eigvalsh(dense(here.band))
    walled = np.linalg.eigvalsh(here.penalised(np.zeros(len(here.gradient)))[0])
    # Without anything but its landmarks, the root is held by those alone.
    assert free[0] > 1e-3
    assert (walled >= free - 1e-9).all()
    assert walled.sum() > free.sum() + 100.0


def test_each_frames_share_adds_up_to_the_total(g1):
    problem, targets, course, start = random_problem(g1, np.random.default_rng(50), 6)
    here = Equations(problem, targets, stiffened(course, SOFT), start, fixed=2)
    assert here.total == pytest.approx(here.cost.sum(), rel=1e-12)
    assert here.cost[0] == 0.0


def at_a_distance(robot, away: float, knee: float) -> Equations:
    """One frame; the pelvis is asked to be so far away (m), and nothing else is asked."""
    task, pelvis = no_tasks(robot), robot.landmarks.index("pelvis")
    task.position[pelvis] = 4.0
    nothing = np.zeros(len(robot.joints))
    problem = new_problem(robot, task, PostureArrays(nothing, nothing, 0.0, 0.0, 0.0), SETTINGS)
    at = swaying(robot, 1)
    pos, rot, bone = marks_of(problem, at)
    pos[0, pelvis, 0] -= away
    targets = Targets(pos, rot, bone, at.root_pos, at.root_quat, np.ones(1))
    course = new_course(robot, 1, knee=np.array([knee, np.inf, np.inf]))
    return Equations(problem, targets, course, at)


@pytest.mark.parametrize(("away", "cost", "slope"), [(0.1, 0.02, 0.4), (0.2, 0.08, 0.8), (0.7, 0.48, 0.8)])
def test_errors_beyond_the_knee_count_in_proportion(g1, away, cost, slope):
    here = at_a_distance(g1, away, knee=0.2)
    assert here.total == pytest.approx(cost, rel=1e-6)
    assert here.gradient[0] == pytest.approx(slope, rel=1e-6)


def test_a_knee_knows_only_the_axes_that_carry_weight(g1):
    problem, targets, course, start = random_problem(g1, np.random.default_rng(60), 1)
    problem.task.position[:, 2] = 0.0
    made = problem, targets, course, start
    here = Equations(*made)
    at = np.arange(len(here.gradient))
    np.testing.assert_allclose(here.gradient, slopes(made, 0, len(at), at), rtol=3e-4, atol=3e-4)


def test_a_landmark_without_gain_is_switched_off(g1):
    rng = np.random.default_rng(70)
    problem, targets, course, start = random_problem(g1, rng, 3)
    course.gain[1, 4] = 0.0
    before = Equations(problem, targets, course, start)
    targets.pos[1, 4] += 1.0
    targets.bone[1, 4] += 1.0
    targets.rot[1, 4] = targets.rot[0, 5]
    after = Equations(problem, targets, course, start)
    np.testing.assert_array_equal(before.cost, after.cost)
    np.testing.assert_array_equal(before.gradient, after.gradient)
    np.testing.assert_array_equal(before.band, after.band)
    targets.pos[0, 4] += 1.0  # where it has gain, it is heard
    assert Equations(problem, targets, course, start).cost[0] != before.cost[0]


def test_gains_are_factors_on_the_weights(g1):
    problem, targets, course, start = random_problem(g1, np.random.default_rng(80), 1)
    gained = Equations(problem, targets, course._replace(knee=np.full(3, np.inf)), start)
    task = problem.task._replace(
        position=problem.task.position * course.gain[0, :, :1],
        rotation=problem.task.rotation * course.gain[0, :, 1],
        bone=problem.task.bone * course.gain[0, :, 2],
    )
    plain = course._replace(gain=np.ones_like(course.gain), knee=np.full(3, np.inf))
    weighed = Equations(problem._replace(task=task), targets, plain, start)
    assert gained.total == pytest.approx(weighed.total, rel=1e-12)
    np.testing.assert_allclose(gained.band, weighed.band, rtol=1e-9, atol=1e-12)


def test_balance_costs_what_mujocos_centre_of_mass_is_beyond_the_disc(g1):
    rng, data = np.random.default_rng(90), mujoco.MjData(g1.model)
    problem, targets, course, start = random_problem(g1, rng, 4)
    alone = new_course(g1, 4, support=course.support, balance=np.array([0.0, 2.0, 5.0, 1.0]))
    problem = problem._replace(
        task=no_tasks(g1), posture=problem.posture._replace(rest_weight=np.zeros(29), limit_weight=0.0)
    )
    alone.support[3, 2] = 100.0
    cost = Equations(problem, targets, alone, start).cost
    for t in range(4):
        data.qpos[:] = np.concatenate([start.root_pos[t], start.root_quat[t], start.q[t]])
        mujoco.mj_kinematics(g1.model, data)
        mujoco.mj_comPos(g1.model, data)
        over = np.linalg.norm(data.subtree_com[0, :2] - alone.support[t, :2]) - alone.support[t, 2]
        assert cost[t] == pytest.approx(0.5 * alone.balance[t] * max(over, 0.0) ** 2, rel=1e-9)
    assert cost[0] == cost[3] == 0.0
    assert cost[2] > 0.0


def test_accelerations_that_are_wanted_cost_nothing(g1):
    at = swaying(g1, 8)
    turns = quat_from_rotvec(np.array([0.0, 0.0, 0.03]) * (np.arange(8) ** 2)[:, None])
    at = replace(at, root_quat=quat_mul(turns, at.root_quat))
    problem, targets, course, _ = follow(g1, at, smoothness=1.0)
    bend = np.zeros((8, 6 + at.q.shape[1]))
    bend[2:, :3], bend[2:, 6:] = np.diff(at.root_pos, 2, axis=0), np.diff(at.q, 2, axis=0)
    bend[2:, 5] = 0.06
    problem = problem._replace(posture=problem.posture._replace(rest_weight=np.zeros(at.q.shape[1])))
    free = Equations(problem, targets, course, at)
    assert free.total > 1e-3
    wanted = Equations(problem, targets, course._replace(bend=bend), at)
    assert wanted.total < 1e-12
    assert np.abs(wanted.gradient).max() < 1e-6


def calm(robot, frames: int = 6) -> Made:
    """A clip that breaks nothing and is near nothing."""
    problem, targets, course, at = follow(robot, swaying(robot, frames))
    course = course._replace(most_step=np.full(at.q.shape, 0.2), most_bend=np.full(at.q.shape[1], 0.2))
    return problem, targets, stiffened(course, Stage(1e6, 1e6, 1e6, 1)), at


def solved(here: Equations, step: np.ndarray) -> np.ndarray:
    """The step that the equations give which reckon with what ``step`` breaks."""
    hessian, gradient, _ = here.penalised(step)
    return -np.linalg.solve(hessian + 1e-6 * np.eye(len(hessian)), gradient)


def test_what_a_step_leaves_whole_is_not_penalised(g1):
    here = Equations(*calm(g1))
    step = np.full(len(here.gradient), 1e-3)
    hessian, gradient, broken = here.penalised(step)
    assert not broken
    np.testing.assert_array_equal(hessian, dense(here.band))
    np.testing.assert_array_equal(gradient, here.gradient)


def towards(made: Made, wish: np.ndarray) -> tuple[Equations, np.ndarray]:
    """Equations whose own step would be ``wish``."""
    here = Equations(*made)
    here.gradient[:] = -dense(here.band) @ wish
    step = solved(here, np.zeros(len(wish)))
    np.testing.assert_allclose(step, wish, atol=1e-3)
    return here, step


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_step_out_of_the_range_ends_at_its_edge(g1, sign):
    made = calm(g1)
    problem, at, n = made[0], made[3], 6 + made[3].q.shape[1]
    joint, frame = 9, 3
    edge = problem.upper[joint] if sign > 0 else problem.lower[joint]
    wish = np.zeros(len(at.q) * n)
    # All frames move, lest the joint become too fast as well.
    wish[6 + joint :: n] = edge - at.q[:, joint] + 0.05 * sign
    here, step = towards(made, wish)
    assert here.penalised(step)[2]
    again = solved(here, step)
    assert at.q[frame, joint] + again[frame * n + 6 + joint] == pytest.approx(edge, abs=1e-4)


def test_a_step_that_makes_a_joint_too_fast_ends_at_its_speed(g1):
    made = calm(g1)
    at, n, joint = made[3], 6 + made[3].q.shape[1], 12
    made = (made[0], made[1], made[2]._replace(most_bend=np.full(n - 6, np.inf)), at)
    wish = np.zeros(len(at.q) * n)
    wish[6 + joint + 3 * n :: n] = 0.3
    here, step = towards(made, wish)
    again = solved(here, step)
    path = at.q[:, joint] + again[6 + joint :: n]
    assert np.diff(at.q[:, joint] + step[6 + joint :: n]).max() > 0.29
    assert np.diff(path).max() == pytest.approx(0.2, abs=1e-3)


def test_a_step_that_bends_a_path_too_sharply_is_blunted(g1):
    made = calm(g1)
    at, n, joint = made[3], 6 + made[3].q.shape[1], 12
    made = (made[0], made[1], made[2]._replace(most_step=np.full(at.q.shape, np.inf)), at)
    wish = np.zeros(len(at.q) * n)
    wish[6 + joint + 3 * n] = 0.3
    here, step = towards(made, wish)
    # Blunting one bend can break others, which are found by asking again.
    for _ in range(3):
        step = solved(here, step)
    assert np.abs(np.diff(at.q[:, joint] + step[6 + joint :: n], 2)).max() < 0.2 + 1e-3


def test_a_step_into_the_floor_ends_on_it(g1):
    made = calm(g1)
    at, n = made[3], 6 + made[3].q.shape[1]
    problem = made[0]._replace(settings=made[0].settings._replace(reach=0.05))
    wish = np.zeros(len(at.q) * n)
    wish[2::n] = -0.3
    here, step = towards((problem, *made[1:]), wish)
    for _ in range(3):
        step = solved(here, step)
    walls = here.walls
    for t in range(len(at.q)):
        rows = slice(walls.begin[t], walls.begin[t + 1])
        after = walls.distance[rows] + walls.row[rows] @ step[t * n : (t + 1) * n]
        assert after.min() == pytest.approx(0.0, abs=5e-3)  # it asked to be 29 cm deep


def test_given_frames_do_not_move(g1):
    problem, targets, course, start = random_problem(g1, np.random.default_rng(100), 8)
    here, _ = fit_window(problem, targets, course, start, 2, [Stage(10.0, 10.0, 10.0, 5)], 1e-6)
    for a, b in ((here.root_pos, start.root_pos), (here.root_quat, start.root_quat), (here.q, start.q)):
        np.testing.assert_array_equal(a[:2], b[:2])
        assert np.abs(a[2:] - b[2:]).max() > 1e-3


def test_what_is_held_does_not_move(g1):
    problem, targets, course, start = random_problem(g1, np.random.default_rng(110), 8)
    held = np.zeros(6 + len(g1.joints), dtype=bool)
    held[:6] = held[10:20] = True
    still = Trajectory(
        np.tile(start.root_pos[:1], (8, 1)),
        np.tile(start.root_quat[:1], (8, 1)),
        np.clip(np.where(held[6:], start.q[:1], start.q), problem.lower, problem.upper),
    )
    problem = problem._replace(held=held, settings=problem.settings._replace(holding=True))
    course = course._replace(bend=np.where(held, 0.0, course.bend))
    made, _ = fit_window(problem, targets, course, still, 0, [Stage(10.0, 10.0, 10.0, 5)], 1e-6)
    np.testing.assert_array_equal(made.root_pos, still.root_pos)
    np.testing.assert_allclose(made.root_quat, still.root_quat, atol=1e-15)
    np.testing.assert_array_equal(made.q[:, held[6:]], still.q[:, held[6:]])
    assert np.abs(made.q - still.q).max() > 1e-2


def test_the_cost_never_rises(g1):
    problem, targets, course, start = random_problem(g1, np.random.default_rng(120), 12, turn=0.05)
    # Without a body: where contacts stay broken, stiffer stages follow, which have a cost of their own.
    problem, course = problem._replace(capsules=_none(problem)), stiffened(course, SOFT)
    costs = [Equations(problem, targets, course, start).total]
    for iterations in range(1, 9):
        stage = Stage(SOFT.contact, SOFT.limit, SOFT.speed, iterations)
        made, _ = fit_window(problem, targets, course, start, 0, [stage], 0.0)
        costs.append(Equations(problem, targets, course, made).total)
    assert (np.diff(costs) <= 1e-9 * costs[0]).all()
    assert costs[-1] < 0.8 * costs[0]


def _none(problem: Problem):
    """The robot without a body."""
    return type(problem.capsules)(*(a[:0] for a in problem.capsules))


def test_a_clip_that_could_not_be_better_stays(g1):
    at = swaying(g1, 40)
    problem, targets, course, _ = follow(g1, at, rest=at.q)
    made, _ = fit_sequence(problem, targets, course, at, [Stage(1e4, 1e4, 1e4, 10)])
    np.testing.assert_allclose(made.q, at.q, atol=1e-9)
    np.testing.assert_allclose(made.root_pos, at.root_pos, atol=1e-9)
    assert made.q is not at.q


def test_a_clip_is_found_from_far_away(g1):
    at = swaying(g1, 30)
    problem, targets, course, _ = follow(g1, at)
    rng = np.random.default_rng(130)
    away = Trajectory(at.root_pos + 0.05, at.root_quat.copy(), at.q + rng.uniform(-0.2, 0.2, at.q.shape))
    made, steps = fit_sequence(problem, targets, course, away, [Stage(1e4, 1e4, 1e4, 30)], tolerance=1e-6)
    assert steps <= 30
    assert (
        Equations(problem, targets, course, made).total < Equations(problem, targets, course, at).total + 1e-9
    )
    asked = problem.task.position.any(axis=1)
    wanted, got = (marks_of(problem, m)[0][:, asked] for m in (at, made))
    assert np.linalg.norm(wanted - got, axis=-1).max() < 2e-3


def noisy(robot, frames: int) -> Made:
    """A trembling clip to be followed smoothly by joints that cannot quite keep up."""
    at = swaying(robot, frames)
    problem, targets, course, _ = follow(robot, at, smoothness=0.5)
    problem.posture.rest_weight[:] = 0.02
    rng = np.random.default_rng(140)
    targets.pos[:] += 0.01 * rng.normal(size=targets.pos.shape)
    targets.bone[:] += 0.01 * rng.normal(size=targets.bone.shape)
    return problem, targets, course._replace(most_step=np.full(at.q.shape, 0.011)), at


def test_windows_leave_no_seam(g1):
    problem, targets, course, at = noisy(g1, 200)
    stages = [Stage(1e4, 1e4, 1e4, 25)]
    whole, _ = fit_sequence(problem, targets, course, at, stages, tolerance=1e-8)
    parts, _ = fit_sequence(problem, targets, course, at, stages, tolerance=1e-8, window=40, overlap=40)
    speed = np.abs(np.diff(whole.q, axis=0)).max(axis=0)
    assert (np.abs(speed - 0.011) < 1e-4).sum() > 5  # motors are too slow here and there
    assert np.abs(whole.q - parts.q).max() < 5e-3
    assert np.abs(whole.root_pos - parts.root_pos).max() < 1e-3
    np.testing.assert_allclose(np.diff(parts.q, 2, axis=0), np.diff(whole.q, 2, axis=0), atol=2e-3)


@pytest.mark.parametrize("late", [False, True])
def test_every_window_balances_over_its_own_support(g1, late):
    at = swaying(g1, 120)
    heeded = np.zeros(120)
    heeded[90:] = 300.0 * late
    heeded[:30] = 300.0 * (not late)
    disc = np.tile([0.0, 0.1, 0.02], (120, 1))
    problem, targets, course, _ = follow(g1, at, smoothness=0.5, balance=heeded, support=disc)
    stages = [Stage(1e4, 1e4, 1e4, 15)]
    whole, _ = fit_sequence(problem, targets, course, at, stages, tolerance=1e-6)
    parts, _ = fit_sequence(problem, targets, course, at, stages, tolerance=1e-6, window=40, overlap=20)
    heeding = heeded > 0
    assert np.abs(whole.root_pos - at.root_pos)[heeding, 1].max() > 0.01
    # The wrong support would move the body by 65 mm; a window sees a sudden demand only as far as it overlaps.
    assert np.abs(whole.root_pos - parts.root_pos).max() < 0.015


@pytest.mark.parametrize(
    ("frames", "window", "overlap"), [(1, 5, 2), (2, 5, 2), (8, 5, 2), (9, 5, 2), (21, 5, 2), (12, 1, 1)]
)
def test_every_frame_is_fitted_whatever_the_windows(g1, frames, window, overlap):
    at = swaying(g1, frames)
    problem, targets, course, _ = follow(g1, at)
    away = Trajectory(at.root_pos + 0.02, at.root_quat, at.q)
    stages = [Stage(1e4, 1e4, 1e4, 15)]
    made, _ = fit_sequence(
        problem, targets, course, away, stages, tolerance=1e-9, window=window, overlap=overlap
    )
    assert np.abs(made.root_pos - at.root_pos).max() < 2e-3


def test_equations_that_are_not_positive_definite_are_reported(g1):
    problem, targets, course, at = follow(g1, swaying(g1, 5))
    course = course._replace(smoothness=np.full(6 + at.q.shape[1], -1e4))
    with pytest.raises(SolverFailed, match="not positive definite"):
        fit_sequence(problem, targets, course, at, [Stage(1e4, 1e4, 1e4, 3)])
