"""What a clip is held to beyond its targets: masses, support, smoothness, and places on the floor."""

import mujoco
import numpy as np
import pytest

from understudy import robots
from understudy.kinematics.clip_fit import landmark_arrays
from understudy.kinematics.kernels.arrays import Targets
from understudy.kinematics.kernels.forward import forward_clip
from understudy.kinematics.sequence import Trajectory
from understudy.kinematics.tree import Tree
from understudy.retarget.course import lock_to_floor, masses, smoothness, support
from understudy.retarget.lengths import RobotLengths
from understudy.rotations import quat_apply, quat_normalize


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.mark.parametrize("name", robots.names())
def test_masses_are_mujocos(name):
    robot, rng = robots.load(name), np.random.default_rng(0)
    tree, data = Tree.from_robot(robot), mujoco.MjData(robot.model)
    share, centre = masses(robot, tree)
    assert share.sum() == pytest.approx(1.0)
    assert (share >= 0).all()
    frames = 20
    root_pos, root_quat = rng.normal(size=(frames, 3)), quat_normalize(rng.normal(size=(frames, 4)))
    q = rng.uniform(robot.lower, robot.upper, (frames, len(robot.joints)))
    pos, quat = forward_clip(tree.arrays(), root_pos, root_quat, q, np.arange(len(tree.parents)))
    ours = np.einsum("l,tlc->tc", share, pos + quat_apply(quat, centre))
    for t in range(frames):
        data.qpos[:] = np.concatenate([root_pos[t], root_quat[t], q[t]])
        mujoco.mj_kinematics(robot.model, data)
        mujoco.mj_comPos(robot.model, data)
        np.testing.assert_allclose(ours[t], data.subtree_com[1], atol=1e-9)


def test_an_acceleration_costs_the_same_at_any_frame_rate():
    def cost(fps: float) -> float:
        """Of one second of a swing, a turn and a path: one pace of frames."""
        time = np.arange(round(fps)) / fps
        path = np.sin(2 * np.pi * time)[:, None] * np.ones(6 + 3)
        bent = np.diff(path, 2, axis=0)
        return float((smoothness(5e-6, fps, 3) * bent**2).sum() / fps)

    assert cost(30.0) == pytest.approx(cost(120.0), rel=0.1)
    assert cost(60.0) == pytest.approx(cost(240.0), rel=0.05)


def standing(robot, frames, left, right, hold=(1.0, 1.0)):
    """Soles at these places of the floor, held as said; the pelvis stays."""
    soles = np.zeros((frames, 2, 3))
    soles[:, 0, :2], soles[:, 1, :2] = left, right
    held, still = np.tile(hold, (frames, 1)), np.zeros((frames, 3))
    return support(robot, soles, held, still, 30.0, RobotLengths.of(robot).size)


def test_support_lies_between_the_feet_and_reaches_over_them(g1):
    disc, heed = standing(g1, 4, (0.0, 0.2), (0.1, -0.2))
    np.testing.assert_allclose(disc[:, :2], [[0.05, 0.0]] * 4, atol=1e-12)
    away = np.hypot(0.05, 0.2)
    assert away < disc[0, 2] < away + 0.15
    np.testing.assert_allclose(heed, 1.0)


def test_support_of_one_foot_is_that_foot(g1):
    disc, heed = standing(g1, 3, (0.3, 0.2), (9.0, 9.0), hold=(1.0, 0.0))
    np.testing.assert_allclose(disc[:, :2], [[0.3, 0.2]] * 3, atol=1e-9)
    assert 0.02 < disc[0, 2] < 0.15
    np.testing.assert_allclose(heed, 1.0)


def test_nobody_balances_in_the_air_or_at_speed(g1):
    _, flying = standing(g1, 3, (0.0, 0.1), (0.0, -0.1), hold=(0.0, 0.0))
    np.testing.assert_array_equal(flying, 0.0)
    soles, hold, leg = np.zeros((30, 2, 3)), np.ones((30, 2)), RobotLengths.of(g1).size
    for fps in (15.0, 30.0, 120.0):
        run = np.zeros((30, 3))
        run[:, 0] = 2.0 * np.arange(30) / fps
        _, running = support(g1, soles, hold, run, fps, leg)
        assert running.max() < 0.01


@pytest.mark.parametrize("frames", [1, 2])
def test_support_of_very_short_clips(g1, frames):
    disc, heed = standing(g1, frames, (0.0, 0.1), (0.0, -0.1))
    assert np.isfinite(disc).all()
    np.testing.assert_allclose(heed, 1.0)


def test_what_rests_on_the_floor_is_to_stay_where_it_is_on_average(g1):
    tree, names = Tree.from_robot(g1), g1.landmarks.names
    frames, marks = 20, landmark_arrays(g1, Tree.from_robot(g1))
    home = g1.home.astype(np.float64)
    root_pos = np.tile(home[:3], (frames, 1))
    root_pos[:, 0] = 0.01 * np.arange(frames)
    start = Trajectory(root_pos, np.tile(home[3:7], (frames, 1)), np.tile(home[7:], (frames, 1)))
    turned = np.tile(np.eye(3), (frames, len(names), 1, 1))
    pos = np.zeros((frames, len(names), 3))
    targets = Targets(pos, turned, pos.copy(), start.root_pos, start.root_quat, np.ones(frames))
    touches = np.zeros(frames, dtype=bool)
    touches[2:6] = touches[10:14] = True
    none = np.zeros(frames, dtype=bool)
    rows = lock_to_floor(names, marks, tree, targets, {"left_hand": touches, "right_hand": none}, start)
    [(row, when)] = rows.items()
    assert names[row] in ("left_hand", "left_wrist")
    np.testing.assert_array_equal(when, touches)
    assert not targets.pos[~touches].any()
    for episode in (slice(2, 6), slice(10, 14)):
        held = targets.pos[episode, row]
        np.testing.assert_allclose(held, held[:1].repeat(4, axis=0))
    # The body goes on by 8 cm from one contact to the next.
    np.testing.assert_allclose(targets.pos[10, row] - targets.pos[2, row], [0.08, 0.0, 0.0], atol=1e-9)
