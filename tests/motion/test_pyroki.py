"""PyRoki's result: three entries, and whatever else a fork adds."""

from dataclasses import replace

import numpy as np
import pytest

from understudy import motion
from understudy.errors import FormatError
from understudy.motion import RobotMotion, formats

JOINTS = ("knee", "waist")


@pytest.fixture
def clip():
    t = np.arange(7)[:, None] / 30
    return RobotMotion(
        "toy",
        JOINTS,
        30.0,
        np.hstack([t, 0 * t, 0.8 + 0 * t]),
        np.tile([0.6, 0.8, 0, 0], (7, 1)),
        np.hstack([t, -t]),
        {"foot_contacts": np.ones((7, 2))},
    )


def bare(clip, path, **more):
    """What PyRoki's script saves."""
    np.savez(
        path,
        base_frame_pos=clip.root_pos,
        base_frame_wxyz=clip.root_quat,
        joint_angles=clip.joint_pos,
        **more,
    )
    return path


def test_names_rate_and_contacts_come_back(tmp_path, clip):
    motion.save(clip, tmp_path / "a.npz", format="pyroki-npz")
    assert formats.detect(tmp_path / "a.npz") == "pyroki-npz"
    back = motion.load(tmp_path / "a.npz")
    assert (back.robot, back.joints, back.fps) == ("toy", JOINTS, 30.0)
    assert np.array_equal(back.qpos, clip.qpos)
    assert np.array_equal(back.tracks["foot_contacts"], clip.tracks["foot_contacts"])


def test_the_original_states_neither_rate_nor_names(tmp_path, clip):
    path = bare(clip, tmp_path / "a.npz", foot_contacts=np.ones((3, 2)))
    with pytest.raises(FormatError, match="'fps'"):
        motion.load(path)
    with pytest.raises(FormatError, match="'joints'"):
        motion.load(path, fps=30.0)
    with pytest.raises(FormatError, match="'robot'"):
        motion.load(path, fps=30.0, joints=JOINTS)
    back = motion.load(path, fps=30.0, joints=JOINTS, robot="toy")
    assert np.array_equal(back.qpos, clip.qpos)
    assert back.tracks == {}, "contacts of other length than the motion are no track"


def test_a_forks_entries_are_used_and_overruled(tmp_path, clip):
    path = bare(clip, tmp_path / "a.npz", fps=np.float32(25.0), joint_names=np.array(JOINTS))
    assert motion.load(path, robot="toy").fps == 25.0
    assert motion.load(path, robot="toy", fps=50.0).fps == 50.0
    assert motion.load(path, robot="toy", joints=JOINTS[::-1]).joints == JOINTS


def test_without_contacts(tmp_path, clip):
    motion.save(replace(clip, tracks={}), tmp_path / "a.npz", format="pyroki-npz")
    assert motion.load(tmp_path / "a.npz").tracks == {}
