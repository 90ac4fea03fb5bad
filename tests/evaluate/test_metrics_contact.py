"""What the robot touches, on motions pushed, lifted and slid by known amounts."""

from dataclasses import replace

import numpy as np
import pytest
from standing import FRAMES, double, shifted, stand, with_joint

from understudy.evaluate import metrics_contact as contact
from understudy.evaluate.stance import Stance, detect
from understudy.evaluate.tracks import RobotTracks, align


@pytest.fixture
def human(g1, standing):
    return align(standing, double(g1, standing))


@pytest.fixture
def stance(human):
    return detect(human)


def with_arms_across(robot, motion, frames):
    """Both forearms through the torso in some frames."""
    for joint, angle in (("left_shoulder_yaw_joint", 1.6), ("left_shoulder_roll_joint", -0.3)):
        values = motion.joint_pos[:, motion.joints.index(joint)].copy()
        values[frames] = angle
        motion = with_joint(motion, joint, values)
    return RobotTracks.of(robot, motion)


def test_a_robot_that_stands_touches_neither_itself_nor_passes_the_floor(g1, standing):
    robot = RobotTracks.of(g1, standing)
    share, depth, deepest = contact.self_collision(robot)
    assert (share.value, depth.value, deepest.value) == (0.0, None, 0.0)
    share, deepest, feet = contact.under_floor(robot)
    assert share.value == 0.0
    assert deepest.value < 0.01
    assert feet.value < 0.01


def test_arms_through_the_torso_are_counted_in_their_frames_with_their_depth(g1, standing):
    share, depth, deepest = contact.self_collision(with_arms_across(g1, standing, slice(10, 25)))
    assert share.value == pytest.approx(100 * 15 / FRAMES)
    assert share.over == FRAMES
    assert depth.over == 15
    assert 5 < depth.value == pytest.approx(deepest.value)
    assert "torso_link" in deepest.note
    assert "in frame 10" in deepest.note


def test_twelve_millimetres_under_the_floor(g1, standing):
    sink = np.zeros((FRAMES, 3))
    sink[20:32, 2] = -0.012
    robot = RobotTracks.of(g1, shifted(standing, sink))
    share, deepest, feet = contact.under_floor(robot)
    assert share.value == pytest.approx(100 * 12 / FRAMES)
    assert deepest.value == pytest.approx(12.0, abs=0.1)
    assert "ankle_roll_link in frame" in deepest.note
    assert feet.value == pytest.approx(12.0 * 12 / FRAMES, abs=0.3)
    assert share.series.min() == pytest.approx(-0.012, abs=1e-4)


def test_four_millimetres_are_not_under_the_floor(g1, standing):
    robot = RobotTracks.of(g1, shifted(standing, np.array([0, 0, -0.004])))
    assert contact.under_floor(robot)[0].value == 0.0


def test_frames_in_which_the_human_is_under_its_own_floor_are_told_apart(g1, standing, human):
    robot = RobotTracks.of(g1, shifted(standing, np.array([0, 0, -0.012])))
    assert contact.under_floor_alone(robot, human).value == 100.0
    sunk = human.pos.copy()
    sunk[:15, human.names.index("left_hand"), 2] = human.floor - 0.1
    assert contact.under_floor_alone(robot, replace(human, pos=sunk)).value == 75.0


def test_sole_height_error_counts_both_ways_and_tilt(g1, standing, stance):
    assert stance.flat["left"].all()
    for offset, error, gap in ((0.0, 0.0, 0.0), (0.02, 20.0, 20.0), (-0.01, 10.0, 0.0)):
        robot = RobotTracks.of(g1, shifted(standing, np.array([0, 0, offset])))
        assert contact.sole_error(robot, stance).value == pytest.approx(error, abs=0.1)
        assert contact.stance_float(robot, stance).value == pytest.approx(gap, abs=0.1)
    ankle = standing.joint_pos[:, standing.joints.index("left_ankle_roll_joint")]
    tilted = RobotTracks.of(g1, with_joint(standing, "left_ankle_roll_joint", ankle + 0.2))
    assert contact.sole_error(tilted, stance).value > 1.0


def test_sliding_at_ten_centimetres_a_second_in_stance(g1, standing, human, stance):
    slide = np.outer(np.arange(FRAMES) / standing.fps, [0.06, 0.08, 0.0])
    robot = RobotTracks.of(g1, shifted(standing, slide))
    skating, source = contact.flat_skating(robot, human, stance, 1.0)
    assert skating.value == pytest.approx(10.0, abs=0.01)
    assert skating.over == 2 * (FRAMES - 1)
    assert source.value == pytest.approx(0.0, abs=1e-3)


def test_the_humans_own_skating_is_scaled_to_the_robot(g1, standing, human, stance):
    slide = np.outer(np.arange(FRAMES) / standing.fps, [0.1, 0.0, 0.0])[:, None]
    robot = RobotTracks.of(g1, standing)
    skating, source = contact.flat_skating(robot, replace(human, pos=human.pos + slide), stance, 0.7)
    assert skating.value == pytest.approx(0.0, abs=1e-3)
    assert source.value == pytest.approx(7.0, abs=0.01)


def test_only_steps_within_a_stance_count(g1, standing, human):
    held = np.zeros(FRAMES, dtype=bool)
    held[:10] = held[30:40] = True
    never = np.zeros(FRAMES, dtype=bool)
    stance = Stance({"left": held, "right": never}, {"left": held, "right": never}, 0.05)
    jump = np.zeros((FRAMES, 3))
    jump[20:, 0] = 1.0
    robot = RobotTracks.of(g1, shifted(standing, jump))
    skating, _ = contact.flat_skating(robot, human, stance, 1.0)
    assert skating.over == 2 * 9
    assert skating.value == pytest.approx(0.0, abs=1e-3)


def test_toe_skating_follows_the_ball_of_the_foot(g1, standing, human):
    on = np.ones(FRAMES, dtype=bool)
    stance = Stance({"left": on, "right": on}, {"left": ~on, "right": ~on}, 0.05)
    slide = np.outer(np.arange(FRAMES) / standing.fps, [0.05, 0.0, 0.0])
    skating, _ = contact.toe_skating(RobotTracks.of(g1, shifted(standing, slide)), human, stance, 1.0)
    assert skating.value == pytest.approx(5.0, abs=0.01)


def test_without_stance_there_is_no_number_but_a_reason(g1, standing, human):
    never = np.zeros(FRAMES, dtype=bool)
    stance = Stance({"left": never, "right": never}, {"left": never, "right": never}, 0.05)
    robot = RobotTracks.of(g1, standing)
    for metric in (
        contact.sole_error(robot, stance),
        contact.stance_float(robot, stance),
        *contact.flat_skating(robot, human, stance, 1.0),
        *contact.toe_skating(robot, human, stance, 1.0),
    ):
        assert metric.value is None
        assert metric.note
        assert metric.over == 0


def test_sole_heights_follow_the_floor(g1):
    robot = RobotTracks.of(g1, shifted(stand(g1, 5), np.array([0, 0, 0.03])))
    for height in contact.sole_heights(robot).values():
        np.testing.assert_allclose(height, 0.03, atol=1e-4)
