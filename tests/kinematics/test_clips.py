"""Robot motions in every format and from each to each, with what the robot itself has to say."""

import numpy as np
import pytest

from understudy import motion, robots
from understudy.kinematics import clips
from understudy.motion import RobotMotion, formats
from understudy.motion.formats.registry import FOLDER, FORMATS
from understudy.rotations import quat_from_rotvec, quat_mul

ROBOT_FORMATS = [n for n, f in FORMATS.items() if f.holds != "human" and formats.can(n, "write")]


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


def swaying(g1, fps=30.0, frames=13):
    """A clip in which every joint, and the root in every direction, moves by its own amount."""
    rng = np.random.default_rng(5)
    t = np.arange(frames)[:, None] / fps
    wave = np.sin(3.0 * t + rng.uniform(0, 6, (1, len(g1.joints))))
    joints = g1.home[7:] + 0.2 * wave * np.minimum(g1.upper - g1.home[7:], g1.home[7:] - g1.lower)
    quat = quat_mul(quat_from_rotvec(0.3 * np.sin(t + [0.1, 1.0, 2.0])), np.array([1.0, 0, 0, 0]))
    pos = g1.home[:3] + 0.1 * np.sin(2 * t + [0.0, 1.0, 2.0])
    return RobotMotion(g1.name, g1.joints, fps, pos, quat, joints)


def through(name, clip, folder):
    """The clip, written in a format and read again."""
    suffix = FORMATS[name].suffixes[0]
    path = folder / f"{name}-{len(list(folder.iterdir()))}{'' if suffix == FOLDER else suffix}"
    clips.save(clip, path, format=name)
    return clips.load(path, format=name, robot="unitree_g1")


def assert_same(got, want):
    """Equal to 1e-5 but for what the format's rate makes of the clip."""
    want = motion.sample_every(want, got.fps)
    assert (got.joints, got.frames) == (want.joints, want.frames)
    assert np.abs(got.root_pos - want.root_pos).max() < 1e-5
    assert np.abs(got.joint_pos - want.joint_pos).max() < 1e-5
    apart = [np.abs(got.root_quat - sign * want.root_quat).max(axis=1) for sign in (1, -1)]
    assert np.minimum(*apart).max() < 1e-5


@pytest.mark.parametrize("first", ROBOT_FORMATS)
def test_every_format_gives_back_what_every_other_was_given(tmp_path, g1, first):
    clip = swaying(g1)
    start = through(first, clip, tmp_path)
    assert_same(start, clip)
    for second in ROBOT_FORMATS:
        there = through(second, start, tmp_path)
        assert_same(there, start)
        assert_same(through(first, there, tmp_path), there)
