"""FrameIK on a part of the robot: what is held stays where home has it, the rest follows."""

from dataclasses import replace

import numpy as np
import pytest

from understudy import motion, robots
from understudy.errors import LimitError
from understudy.kinematics.poses import landmark_tracks
from understudy.motion import sample
from understudy.motion.landmarks import SIDES
from understudy.retarget.frame_ik import FrameIK, FrameIKConfig
from understudy.rotations import quat_about, quat_apply, quat_mul, quat_yaw


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture(scope="module")
def human():
    return motion.trim(sample.demo(fps=30.0), 5.0, 9.0)


def made(robot, human, parts):
    [out] = FrameIK(robot, FrameIKConfig(parts=parts))([human])
    return out


def joints_of(robot, *words):
    return np.array([any(word in joint for word in words) for joint in robot.joints])


def arm_directions(pos, quat, names):
    """Unit vectors along upper arms and forearms, seen from the pelvis with its heading taken off."""
    ahead = quat_about("z", -quat_yaw(quat[:, names.index("pelvis")].astype(float)))
    out = []
    for side in SIDES:
        for a, b in (("shoulder", "elbow"), ("elbow", "wrist")):
            bone = (pos[:, names.index(f"{side}_{b}")] - pos[:, names.index(f"{side}_{a}")]).astype(float)
            out.append(quat_apply(ahead, bone / np.linalg.norm(bone, axis=-1, keepdims=True)))
    return np.stack(out, axis=1)


def test_upper_holds_root_and_legs_and_follows_with_the_arms(g1, human):
    out = made(g1, human, "upper")
    legs = joints_of(g1, "hip", "knee", "ankle")
    home = g1.home
    np.testing.assert_allclose(out.root_pos, np.tile(home[:3], (human.frames, 1)), atol=1e-6)
    np.testing.assert_allclose(out.root_quat, np.tile(home[3:7], (human.frames, 1)), atol=1e-6)
    np.testing.assert_allclose(out.joint_pos[:, legs], np.tile(home[7:][legs], (human.frames, 1)), atol=1e-6)
    assert np.ptp(out.joint_pos[:, ~legs], axis=0).max() > 0.5
    theirs = arm_directions(*human.landmarks(), human.skeleton.landmarks.names)
    ours = arm_directions(*landmark_tracks(g1, out), g1.landmarks.names)
    angle = np.degrees(np.arccos(np.clip((theirs * ours).sum(-1), -1, 1)))
    assert angle.mean() < 6
    assert np.quantile(angle, 0.95) < 20


def test_lower_holds_the_arms(g1, human):
    out, whole = made(g1, human, "lower"), made(g1, human, "whole")
    arms = joints_of(g1, "shoulder", "elbow", "wrist")
    np.testing.assert_allclose(
        out.joint_pos[:, arms], np.tile(g1.home[7:][arms], (human.frames, 1)), atol=1e-6
    )
    legs = joints_of(g1, "hip", "knee", "ankle")
    # Where arms at home are in no leg's way, the legs do what they do with arms that move.
    assert np.median(np.abs(out.joint_pos[:, legs] - whole.joint_pos[:, legs])) < 0.01
    assert np.median(np.abs(out.root_pos - whole.root_pos)) < 0.01


def test_upper_does_not_see_where_the_human_stands_or_faces(g1, human):
    turn = quat_about("z", np.array(2.0))
    moved = replace(
        human,
        pos=quat_apply(turn, human.pos.astype(float)) + np.array([3.0, -2.0, 0.4]),
        quat=quat_mul(turn, human.quat.astype(float)),
    )
    a, b = made(g1, human, "upper"), made(g1, moved, "upper")
    np.testing.assert_allclose(a.joint_pos, b.joint_pos, atol=2e-3)


def test_parts_have_names(g1):
    with pytest.raises(LimitError, match="whole, upper, lower"):
        FrameIK(g1, FrameIKConfig(parts="left"))
