"""One control step: certificates, the choice of α, the fallback, and that one kernel does what the parts do."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.live_trials import PROTOCOL
from understudy import robots
from understudy.errors import LimitError
from understudy.retarget.live.config import LiveIKConfig
from understudy.retarget.live.control import ARRIVED, CERTIFIED, FALLBACK, HELD, Control, exact_path
from understudy.retarget.live.problem import Candidates, LiveProblem
from understudy.retarget.live.single import grid, single

PAPER = replace(PROTOCOL, posture=0.0, limit_weight=0.0, buffer=0.0, brake=1.0, certificate="none")


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


def hand(problem, pose, side="left"):
    k = problem.tasks.index(f"{side}_hand")
    link, tasks = problem.task_arrays.link[k], problem.task_arrays
    return pose.pos[link] + pose.rot[link] @ tasks.point[k]


def at_home(problem, shift=(0.0, 0.0, 0.0)):
    """The home stance, hands wanted where they are but for the left one's shift (m)."""
    pose, goal = problem.pose(problem.robot.home), problem.goal()
    for side in ("left", "right"):
        goal.pos[problem.tasks.index(f"{side}_hand")] = hand(problem, pose, side)
    goal.pos[problem.tasks.index("left_hand")] += shift
    return pose, goal


def follow(problem, solver, shift, steps=25):
    control, (pose, goal) = Control(problem, solver), at_home(problem, shift)
    taken = [control.step(pose, goal) for _ in range(steps)]
    return pose, goal, taken


@pytest.mark.parametrize("certificate", ["none", "linear", "true"])
def test_the_kernel_and_the_parts_take_the_same_steps(g1, certificate):
    problem = LiveProblem.build(g1, replace(PROTOCOL, certificate=certificate))
    one, _, first = follow(problem, None, (-0.1, -0.15, 0.1))
    other, _, second = follow(problem, exact_path, (-0.1, -0.15, 0.1))
    assert np.abs(one.q - other.q).max() < 1e-5
    assert [t.code.tolist() for t in first] == [t.code.tolist() for t in second]


def test_without_a_certificate_the_path_is_the_single_qp(g1):
    problem = LiveProblem.build(g1, PAPER)
    one, _, taken = follow(problem, None, (-0.1, -0.15, 0.1))
    other, _, _ = follow(problem, single, (-0.1, -0.15, 0.1))
    assert np.abs(one.q - other.q).max() < 1e-7
    assert all((t.alpha == 1.0).all() and (t.code <= ARRIVED).all() for t in taken)


@pytest.mark.parametrize("limbs", ["distributed", "monolithic"])
def test_a_hand_reaches_its_target_and_stays(g1, limbs):
    problem = LiveProblem.build(g1, replace(PROTOCOL, limbs=limbs))
    pose, goal, taken = follow(problem, None, (0.15, 0.1, 0.2))
    assert np.linalg.norm(hand(problem, pose) - goal.pos[problem.tasks.index("left_hand")]) < 2e-3
    assert (taken[-1].code == ARRIVED).all()


def test_the_linear_certificate_takes_all_of_alpha_where_it_certifies(g1):
    """With W = W_x and exact solutions V̂⁺ falls along the whole path: Eq. 15–16 have nothing to choose."""
    problem = LiveProblem.build(g1, replace(PAPER, certificate="linear", eta=5e-4))
    chosen = [
        (code, alpha)
        for shift in ((-0.1, -0.2, 0.1), (0.2, 0.0, 0.3), (-0.3, -0.1, 0.0), (0.0, -0.4, 0.1))
        for taken in follow(problem, None, shift)[2]
        for code, alpha in zip(taken.code, taken.alpha, strict=True)
    ]
    certified = [alpha for code, alpha in chosen if code == CERTIFIED]
    assert len(certified) > 10
    assert min(certified) == 1.0


@pytest.mark.parametrize("shift", [(-0.1, -0.25, 0.05), (-0.05, -0.25, 0.3), (0.0, -0.15, -0.15)])
def test_the_true_certificate_never_breaks_a_barrier(g1, shift):
    """Targets in the trunk, in front of it towards the other hand, and in the thigh."""
    problem = LiveProblem.build(g1, PROTOCOL)
    control, (pose, goal) = Control(problem), at_home(problem, shift)
    assert problem.barrier_values(pose).min() > 0.0
    for _ in range(60):
        control.step(pose, goal)
        assert problem.barrier_values(pose).min() > -1e-9
    assert np.isfinite(pose.q).all()


def test_candidates_that_break_rows_are_not_certified(g1):
    problem = LiveProblem.build(g1, replace(PROTOCOL, certificate="linear"))

    def reckless(qp, limb):
        n = len(qp.gradient)
        return Candidates(np.array([0.0, 1.0]), np.stack([np.zeros(n), np.full(n, 3.0)]))

    pose, goal = at_home(problem, (0.1, 0.1, 0.1))
    before = pose.q.copy()
    taken = Control(problem, reckless).step(pose, goal)
    assert taken.code.tolist() == [HELD, ARRIVED]
    assert (pose.q == before).all()


def test_the_fallback_is_the_safe_candidate_of_least_error(g1):
    """No progress satisfies η = 2, so nothing is certified, and yet the hand moves."""
    problem = LiveProblem.build(g1, replace(PROTOCOL, eta=2.0))
    pose, goal, taken = follow(problem, None, (0.1, 0.1, 0.1), steps=1)
    assert taken[0].code[0] == FALLBACK
    assert taken[0].alpha[0] == 1.0
    target = goal.pos[problem.tasks.index("left_hand")]
    assert np.linalg.norm(hand(problem, pose) - target) < 0.9 * np.linalg.norm([0.1, 0.1, 0.1])


def test_a_grid_takes_no_more_than_the_path(g1):
    """The largest certified α of a grid, against all α."""
    config = replace(PAPER, certificate="true", eta=1e-5)
    problem = LiveProblem.build(g1, config)
    pose, goal = at_home(problem, (-0.1, -0.25, 0.05))
    every, some = Control(problem), Control(problem, grid(16))
    for _ in range(10):
        there = problem.pose(np.concatenate([pose.root_pos, pose.root_quat, pose.q]))
        taken, coarse = every.step(pose, goal), some.step(there, goal)
        same = (taken.code == CERTIFIED) & (coarse.code == CERTIFIED)
        assert (coarse.alpha[same] <= taken.alpha[same] + 1.0 / 64).all()


def test_a_limb_that_cannot_come_nearer_is_still_safe(g1):
    """Behind the trunk V does not come down any more: nothing is certified, and what is taken hardly raises it."""
    problem = LiveProblem.build(g1, PROTOCOL)
    pose, goal, taken = follow(problem, None, (-0.3, -0.2, 0.1), steps=60)
    assert taken[-1].code[0] == FALLBACK
    assert problem.barrier_values(pose).min() > -1e-9
    target = goal.pos[problem.tasks.index("left_hand")]
    before = np.linalg.norm(hand(problem, pose) - target)
    Control(problem).step(pose, goal)
    assert np.linalg.norm(hand(problem, pose) - target) < before + 1e-5


def test_a_broken_barrier_is_left(g1):
    """Started with a hand in the thigh, the arm comes out, whatever the target says."""
    problem = LiveProblem.build(g1, PROTOCOL)
    pose, goal = at_home(problem, (0.0, 0.0, 0.0))
    qpos = np.concatenate([pose.root_pos, pose.root_quat, pose.q])
    qpos[7 + g1.joints.index("left_shoulder_roll_joint")] = 0.06
    pose = problem.pose(qpos)
    assert problem.barrier_values(pose).min() < 0.0
    control = Control(problem)
    for _ in range(40):
        control.step(pose, goal)
    assert problem.barrier_values(pose).min() > -1e-9


def test_every_shipped_robot_has_a_problem():
    for name in robots.names():
        robot = robots.load(name)
        problem = LiveProblem.build(robot, LiveIKConfig())
        assert problem.barrier_values(problem.pose(robot.home)).min() > 0.0
        assert len(problem.limbs) >= 2


def test_unknown_choices_are_refused(g1):
    with pytest.raises(LimitError, match="none, linear, true"):
        LiveProblem.build(g1, LiveIKConfig(certificate="sure"))
    with pytest.raises(LimitError, match="distributed"):
        LiveProblem.build(g1, LiveIKConfig(limbs="some"))
