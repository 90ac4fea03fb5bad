"""The filters of NMR's data pipeline: each drops what it is for, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from understudy import robots
from understudy.curate import FilterConfig, inspect, pieces
from understudy.curate.filters import lowpassed
from understudy.motion import HumanMotion, RobotMotion, sample, sample_every

CONFIG = FilterConfig()


def wrong(motion, robot=None, config=CONFIG):
    """The names of the quantities that are beyond their limits."""
    return [f.name for f in inspect(motion, robot, config)(0.0, motion.duration) if f.wrong]


def moved(human, change):
    """The clip with ``change(time)`` (s → m, (time, 3)) added to all positions."""
    time = np.arange(human.frames) / human.fps
    return replace(human, pos=human.pos + change(time)[:, None].astype(np.float32))


@pytest.fixture(scope="module")
def walk():
    return sample.motion("walk", fps=30.0)


@pytest.mark.parametrize("name", ["walk", "turn", "wave", "stand"])
def test_ordinary_motions_pass(name):
    human = sample.motion(name, fps=60.0)
    assert wrong(human) == ([] if human.duration >= 1 else ["duration"])


def test_a_human_is_dropped_for_what_is_wrong_with_it(walk):
    def shaken(t):
        return np.stack([0.05 * np.sin(2 * np.pi * 2.5 * t), 0 * t, 0 * t], axis=1)

    def lifted(t):
        return np.stack([0 * t, 0 * t, 0.9 * np.clip(4 * t / t[-1] - 2, 0, 1)], axis=1)

    assert wrong(moved(walk, shaken)) == ["root_jerk"]
    found = wrong(moved(walk, lifted))
    assert "foot_contact" in found
    assert "pelvis_highest" in found


def test_a_body_beside_its_feet_has_lost_its_balance(walk):
    feet = [
        i for i, name in enumerate(walk.skeleton.joints) if "ankle" in name or "toe" in name or "foot" in name
    ]
    assert feet
    pos = walk.pos.copy()
    pos[:, feet] += np.array([0.0, 0.5, 0.0], np.float32)
    assert wrong(HumanMotion(walk.skeleton, walk.fps, pos, walk.quat)) == [
        "pelvis_to_support",
        "spine_to_support",
    ]


def test_jerk_does_not_depend_on_the_frame_rate(walk):
    def jerk(human):
        return next(
            f.value for f in inspect(human, None, CONFIG)(0.0, human.duration) if f.name == "root_jerk"
        )

    assert jerk(sample_every(walk, 120.0)) == pytest.approx(jerk(walk), rel=0.05)


def test_a_slow_path_goes_through_the_low_pass():
    time = np.arange(300) / 30.0
    slow = np.stack([np.sin(2 * np.pi * 0.3 * time)] * 3, axis=1)
    assert np.abs(lowpassed(slow, 30.0) - slow).max() < 0.01
    assert np.abs(lowpassed(np.stack([np.sin(2 * np.pi * 10 * time)] * 3, axis=1), 30.0)[30:-30]).max() < 0.01
    assert lowpassed(slow[:10], 30.0) is not slow
    assert np.array_equal(lowpassed(slow[:10], 30.0), slow[:10])


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


def standing(robot, frames=60, fps=30.0, lift=0.0):
    home = np.tile(robot.home, (frames, 1)).astype(np.float64)
    home[:, 2] += lift
    return RobotMotion(robot.name, robot.joints, fps, home[:, :3], home[:, 3:7], home[:, 7:])


def test_a_robot_is_dropped_for_what_is_wrong_with_it(g1):
    still = standing(g1)
    assert wrong(still, g1) == []
    assert wrong(standing(g1, frames=20), g1) == ["duration"]
    assert wrong(standing(g1, lift=0.2), g1) == ["floating"]
    fast = still.joint_pos.copy()
    fast[30:, 0] += 1.5 * g1.velocity_limit[0] / 30.0
    assert wrong(replace(still, joint_pos=fast), g1) == ["max_speed_ratio"]
    crossed = still.joint_pos.copy()
    hips = [g1.joints.index(f"{side}_hip_roll_joint") for side in ("left", "right")]
    crossed[:, hips] = [-0.5, 0.5]
    assert "self_collision" in wrong(replace(still, joint_pos=crossed), g1)
    loose = replace(CONFIG, robot=replace(CONFIG.robot, floating=0.5))
    assert wrong(standing(g1, lift=0.2), g1, loose) == []


def test_a_piece_is_judged_by_its_own_frames(g1):
    still = standing(g1, frames=241)
    fast = still.joint_pos.copy()
    fast[200:, 0] += 1.5 * g1.velocity_limit[0] / 30.0
    judge = inspect(replace(still, joint_pos=fast), g1, CONFIG)
    assert not any(f.wrong for f in judge(0.0, 4.0))
    assert [f.name for f in judge(3.5, 8.0) if f.wrong] == ["max_speed_ratio"]


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (0.4, [(0, 0.4)]),
        (4.0, [(0, 4.0)]),
        (4.4, [(0, 4.4)]),
        (4.5, [(0, 4.0), (3.5, 4.5)]),
        (7.5, [(0, 4.0), (3.5, 7.5)]),
        (8.1, [(0, 4.0), (3.5, 7.5), (7.0, 8.1)]),
    ],
)
def test_pieces(duration, expected):
    assert np.allclose(pieces(duration), expected)
