"""FrameIK beyond the shared contract: it finds a pose that it can reach, and its choices do what they say."""

from dataclasses import replace

import numpy as np
import pytest

from understudy import evaluate, kinematics, robots
from understudy.errors import LimitError
from understudy.motion import LANDMARKS, PARENT_OF, HumanMotion, Landmarks, RobotMotion, Skeleton, sample
from understudy.retarget import FrameIK, FrameIKConfig


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


def as_human(robot, motion):
    """A robot's motion seen as that of a human who has the robot's own bones."""
    names = robot.landmarks.names
    parents = [names.index(PARENT_OF[n]) if n in PARENT_OF else -1 for n in names]
    pos, quat = kinematics.landmark_tracks(robot, motion)
    marks = Landmarks(
        names, np.arange(len(names)), np.zeros((len(names), 3)), np.tile([1.0, 0, 0, 0], (len(names), 1))
    )
    skeleton = Skeleton("a robot's landmarks", names, np.array(parents), np.zeros((len(names), 3)), marks)
    return HumanMotion(skeleton, motion.fps, pos, quat)


def test_a_robots_own_motion_is_found_again(g1):
    assert set(g1.landmarks.names) == set(LANDMARKS)
    rng = np.random.default_rng(0)
    time = np.arange(90) / 30.0
    home = g1.home[7:]
    swing = 0.2 * np.sin(2 * np.pi * 0.4 * time[:, None] + rng.uniform(0, 6, len(home)))
    still = [i for i, joint in enumerate(g1.joints) if "ankle" in joint or "hip" in joint or "knee" in joint]
    swing[:, still] = 0.0  # planted feet, so that the floor under the clip is where the robot stands
    root = np.tile(g1.home[:3], (90, 1)), np.tile(g1.home[3:7], (90, 1))
    theirs = RobotMotion("unitree_g1", g1.joints, 30.0, *root, home + swing)
    config = FrameIKConfig(viscosity=0.0, rest_weight=0.0, limit_weight=0.0, margin=0.0)
    [ours] = FrameIK(g1, config)([as_human(g1, theirs)])
    a, b = kinematics.landmark_tracks(g1, theirs)[0], kinematics.landmark_tracks(g1, ours)[0]
    assert np.linalg.norm(a - b, axis=-1).mean() < 0.006
    assert np.abs(theirs.joint_pos - ours.joint_pos).mean() < 0.02


def test_viscosity_buys_smoothness_with_accuracy(g1):
    human = sample.motion("punch", fps=30.0)
    loose, stiff = (FrameIK(g1, FrameIKConfig(viscosity=v))([human])[0] for v in (0.0, 0.2))
    speed = [np.abs(np.diff(m.joint_pos, axis=0)).max() for m in (loose, stiff)]
    error = [evaluate.report(m, human, g1)["keypoint_error"].value for m in (loose, stiff)]
    assert speed[1] < 0.8 * speed[0]
    assert error[1] > error[0]


def test_the_step_is_bounded_by_motor_speed_at_any_frame_rate(g1):
    human = sample.motion("punch", fps=30.0)
    hurried = replace(human, fps=150.0)  # five times as fast as life: motors cannot follow
    [motion] = FrameIK(g1)([hurried])
    rate = np.abs(np.diff(motion.joint_pos.astype(np.float64), axis=0)) * motion.fps
    assert (rate <= g1.velocity_limit).all()
    assert (rate / g1.velocity_limit).max() > 0.9


def test_bodies_keep_their_margin_where_a_hand_would_go_through_the_trunk(g1):
    human = sample.motion("reach", fps=30.0)
    names = human.skeleton.joints
    pos = human.pos.copy()
    for part in ("elbow", "wrist", "hand"):  # the left arm folded into the chest
        pos[:, names.index(f"left_{part}")] = pos[:, names.index("chest")] + np.array([0.02, 0.0, 0.0])
    pos[:, names.index("left_elbow")] += np.array([0.0, 0.15, 0.0], np.float32)
    [motion] = FrameIK(g1)([replace(human, pos=pos)])
    assert kinematics.clearances(g1, motion).nearest.min() > -1e-3


def test_a_ground_that_does_not_exist_is_refused(g1):
    with pytest.raises(LimitError, match="auto, flat, none"):
        FrameIK(g1, FrameIKConfig(ground="moon"))
