"""The way from and to the home stance: at rest at its far end, at the clip's speed where it meets the clip."""

from dataclasses import replace

import numpy as np
import pytest

from understudy import kinematics, motion, robots
from understudy.errors import LimitError, SkeletonMismatch
from understudy.evaluate.tracks import sole_corners
from understudy.kinematics import clips
from understudy.motion import RobotMotion
from understudy.rotations import quat_about, quat_angle

HOME = np.array([5.0, 6.0, 0.75, 1, 0, 0, 0, 0.1, -0.1])


def moving(fps=50.0, frames=40, joint_speed=3.0):
    """A clip that is at full speed from its first frame on: joints, root and heading."""
    t = np.arange(frames) / fps
    pos = np.stack([1 + t, -0.5 * t, 0.7 + 0 * t], axis=1)
    joints = np.stack([joint_speed * t, 0.3 - t], axis=1)
    return RobotMotion("toy", ("a", "b"), fps, pos, quat_about("z", 1.0 + 2.0 * t), joints)


def test_it_begins_and_ends_at_rest_at_home():
    clip = moving()
    new = motion.blend_home(clip, HOME, 1.0)
    assert new.frames == clip.frames + 100
    assert np.array_equal(new.qpos[50:-50], clip.qpos)
    for k, own in ((0, 0), (-1, -1)):
        assert np.allclose(new.joint_pos[k], HOME[7:])
        assert np.allclose(new.root_pos[k], [*clip.root_pos[own, :2], 0.75])
        assert quat_angle(new.root_quat[k].astype(float), clip.root_quat[own].astype(float)) < 1e-3
    speed = np.abs(np.diff(new.qpos, axis=0)) * 50
    assert speed[[0, -1]].max() < 0.1


@pytest.mark.parametrize("seconds", [0.6, 1.0, 3.0])
def test_no_joint_jumps_where_the_way_meets_the_clip(seconds):
    """Speeds change by tenths of rad/s from frame to frame, where stopping dead would change one by 3 rad/s."""
    clip = moving()
    speed = np.diff(motion.blend_home(clip, HOME, seconds).qpos, axis=0) * 50
    at = round(seconds * 50)
    for meet in (at, at + clip.frames - 1):
        assert np.abs(speed[meet] - speed[meet - 1]).max() < 0.75
    assert np.abs(np.diff(speed, axis=0)).max() < 1.2


def test_it_keeps_within_the_limits_and_tracks_hold():
    clip = replace(moving(joint_speed=10.0), tracks={"contact": np.arange(40) > 20})
    free = motion.blend_home(clip, HOME, 0.5)
    assert free.joint_pos[:25, 0].min() < -0.2, "the run-up leads out of the range"
    held = motion.blend_home(clip, HOME, 0.5, limits=(np.array([-0.1, -1.0]), np.array([9.0, 9.0])))
    assert held.joint_pos[:25, 0].min() >= -0.1
    assert held.tracks["contact"].tolist() == [False] * 46 + [True] * 44


def test_one_frame_and_absurd_blends():
    clip = moving(frames=1)
    assert motion.blend_home(clip, HOME, 0.2).frames == 21
    for seconds in (0.0, -1.0, float("nan"), 61.0):
        with pytest.raises(LimitError):
            motion.blend_home(clip, HOME, seconds)
    with pytest.raises(LimitError, match="9 entries"):
        motion.blend_home(clip, HOME[:-1], 1.0)


@pytest.fixture(scope="module")
def crouch():
    """The G1 in a deep crouch, feet on the floor, turning on the spot."""
    g1 = robots.load("unitree_g1")
    joints = np.zeros(29)
    for side in ("left", "right"):
        for joint, angle in (("hip_pitch", -1.2), ("knee", 2.0), ("ankle_pitch", -0.8)):
            joints[g1.joints.index(f"{side}_{joint}_joint")] = angle
    t = np.arange(20) / 50
    one = np.ones((20, 1))
    clip = RobotMotion(
        g1.name, g1.joints, 50.0, one * [0.3, 0.2, 0.5], quat_about("z", 0.5 * t), one * joints
    )
    height = lowest_sole(g1, clip)
    return g1, replace(clip, root_pos=clip.root_pos - np.array([0, 0, 1]) * height[:, None])


def lowest_sole(robot, clip):
    corners = sole_corners(robot, kinematics.body_tracks(robot, clip))
    return np.min([c[..., 2].min(axis=1) for c in corners.values()], axis=0)


def test_soles_stay_on_the_floor_from_a_crouch(crouch):
    g1, clip = crouch
    bare = lowest_sole(g1, motion.blend_home(clip, g1.home, 1.0))
    assert np.abs(bare).max() > 0.02, "interpolation alone leaves the floor"
    new = clips.blend_home(clip, 1.0, g1)
    at_home = lowest_sole(g1, new)[0]
    assert abs(at_home) < 0.005
    assert np.abs(lowest_sole(g1, new)).max() < abs(at_home) + 1e-4
    assert (new.joint_pos >= g1.lower - 1e-6).all()
    assert (new.joint_pos <= g1.upper + 1e-6).all()


def test_some_of_the_joints_meet_theirs_of_the_stance(crouch):
    g1, clip = crouch
    few = replace(clip, joints=clip.joints[5:2:-1], joint_pos=clip.joint_pos[:, 5:2:-1])
    new = clips.blend_home(few, 0.4, g1)
    assert np.allclose(new.joint_pos[0], g1.home[7:][5:2:-1])
    with pytest.raises(SkeletonMismatch, match="'a'"):
        clips.blend_home(moving(), 0.4, g1)
