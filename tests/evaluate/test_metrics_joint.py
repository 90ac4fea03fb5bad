"""Joint metrics on curves drawn by hand."""

import numpy as np
import pytest

from understudy.evaluate import metrics_joint as joint
from understudy.rotations import quat_about

FPS = 30.0
NAMES = ("hip", "knee")


def still(frames=100):
    return np.zeros((frames, 2))


def unturned(frames=100):
    return np.tile(np.array([1.0, 0, 0, 0]), (frames, 3, 1))


def step(size, at=40):
    q = still()
    q[at:, 1] = size
    return q


def test_one_step_of_more_than_half_a_radian_is_one_frame_of_a_hundred():
    jumps = joint.jumps(step(0.6), FPS)
    assert jumps.value == pytest.approx(1.0)
    assert jumps.over == 100
    assert jumps.series.argmax() == 40
    assert jumps.series.max() == pytest.approx(0.6)
    assert "15 rad/s" in jumps.note
    assert joint.jumps(step(0.49), FPS).value == 0.0


def test_the_denominator_is_all_frames_also_of_a_short_clip():
    assert joint.jumps(step(0.6, 1)[:2], FPS).value == pytest.approx(50.0)
    assert joint.jumps(still(1), FPS).value == 0.0


def test_a_jump_is_explained_only_by_a_landmark_that_turned_as_much_in_that_step():
    for turn, expected in ((0.0, 1.0), (0.45, 1.0), (0.55, 0.0)):
        quat = unturned()
        quat[40:, 1] = quat_about("z", np.array(turn))
        assert joint.unexplained_jumps(step(0.6), quat, FPS).value == pytest.approx(expected)
    elsewhere = unturned()
    elsewhere[50:, 1] = quat_about("z", np.array(1.0))
    assert joint.unexplained_jumps(step(0.6), elsewhere, FPS).value == pytest.approx(1.0)


def test_speed_is_frame_difference_times_rate():
    fastest = joint.fastest_joint(step(0.6), FPS, NAMES)
    assert fastest.value == pytest.approx(18.0)
    assert fastest.note.startswith("knee in frame 40")
    assert joint.fastest_joint(step(0.6), 2 * FPS, NAMES).value == pytest.approx(36.0)


def test_frames_above_motor_speed_and_the_worst_ratio():
    limit = np.array([30.0, 10.0])
    share, worst = joint.above_motor_speed(step(0.6), FPS, limit, NAMES)
    assert share.value == pytest.approx(1.0)
    assert worst.value == pytest.approx(1.8)
    share, _ = joint.above_motor_speed(step(10.0 / FPS), FPS, limit, NAMES)
    assert share.value == 0.0, "exactly the top speed is not above it"


def test_distance_from_the_limits():
    q = still()
    q[10:20, 0] = 0.97
    q[30:35, 1] = -1.93
    q[50, 1] = 2.01
    margin = joint.limit_margin(q, np.array([-1.0, -2.0]), np.array([1.0, 2.0]))
    near, wide = joint.near_limits(margin)
    assert near.value == pytest.approx(11.0)
    assert wide.value == pytest.approx(16.0)
    assert near.series[50] == pytest.approx(-0.01)
    assert joint.outside_range(margin).value == pytest.approx(1.0)


def test_a_joint_that_sits_exactly_on_its_limit_is_inside():
    q = np.full((10, 1), np.float32(2.5307)).astype(np.float64)
    margin = joint.limit_margin(q, np.array([-2.5307]), np.array([2.5307]))
    assert joint.outside_range(margin).value == 0.0
    assert joint.near_limits(margin)[0].value == 100.0


def test_a_solver_that_keeps_a_margin_is_counted_at_its_own_bound():
    q = still()
    q[:25, 0] = 0.9
    margin = joint.limit_margin(q, np.array([-1.0, -1.0]), np.array([1.0, 1.0]))
    assert joint.near_limits(margin)[0].value == 0.0
    assert joint.at_solver_bound(margin, 0.1).value == pytest.approx(25.0)
    assert joint.at_solver_bound(margin, None).value is None


def test_the_bound_is_read_from_the_latest_arrow_that_states_one():
    history = (
        {"arrow": "retarget.a", "configuration": {"limit_margin": 0.2}},
        {"arrow": "retarget.b", "configuration": {"limit_margin": 0.1}},
        {"arrow": "trim", "start": 1.0},
    )
    assert joint.stated_bound(history) == 0.1
    assert joint.stated_bound(history[2:]) is None


def test_jerk_of_a_cubic_is_constant():
    t = np.arange(100) / FPS
    q = np.stack([t**3, 0 * t], axis=1)
    mean, top = joint.jerk(q, FPS)
    assert mean.value == pytest.approx(3.0, rel=1e-6), "six for one joint of two"
    assert top.value == pytest.approx(6.0, rel=1e-6)
    assert joint.jerk(q[:3], FPS)[0].value is None
