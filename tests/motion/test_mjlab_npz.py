"""The references of mjlab and BeyondMimic: two orders under the same keys, told apart by names or by option."""

import numpy as np
import pytest

from understudy import kinematics, motion, robots
from understudy.errors import FormatError, SkeletonMismatch, UnderstudyError
from understudy.motion import BodyTracks, RobotMotion
from understudy.robots.orders import order

# Published for the Unitree G1 with 29 joints: where Isaac Lab keeps MuJoCo's joints, and the bodies that SONIC's
# reference motions list by number.
ISAACLAB_OF_MUJOCO = [
    *(0, 3, 6, 9, 13, 17),
    *(1, 4, 7, 10, 14, 18),
    *(2, 5, 8),
    *(11, 15, 19, 21, 23, 25, 27),
    *(12, 16, 20, 22, 24, 26, 28),
]
SONIC_BODIES = {
    0: "pelvis",
    4: "left_hip_roll_link",
    10: "left_knee_link",
    18: "left_ankle_roll_link",
    5: "right_hip_roll_link",
    9: "torso_link",
    16: "left_shoulder_roll_link",
    22: "left_elbow_link",
    28: "left_wrist_yaw_link",
    29: "right_wrist_yaw_link",
}


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture(scope="module")
def clip(g1):
    rng = np.random.default_rng(0)
    joints = np.cumsum(rng.normal(0, 0.02, (15, 29)), axis=0)
    home = np.tile(g1.home, (15, 1))
    return RobotMotion(g1.name, g1.joints, 50.0, home[:, :3], home[:, 3:7], joints)


@pytest.fixture(scope="module")
def bodies(g1, clip):
    """The clip's bodies in Isaac Lab's order."""
    tracks, names = kinematics.body_tracks(g1, clip), order(g1, breadth_first=True).bodies
    rows = [tracks.names.index(name) for name in names]
    return BodyTracks(names, tracks.pos[:, rows], tracks.quat[:, rows])


def test_isaac_labs_order_is_the_published_one(g1):
    names = order(g1, breadth_first=True)
    assert names.joints[:6] == (
        "left_hip_pitch_joint",
        "right_hip_pitch_joint",
        "waist_yaw_joint",
        "left_hip_roll_joint",
        "right_hip_roll_joint",
        "waist_roll_joint",
    )
    assert [names.joints.index(name) for name in g1.joints] == ISAACLAB_OF_MUJOCO
    assert {k: names.bodies[k] for k in SONIC_BODIES} == SONIC_BODIES
    assert order(g1) == (g1.joints, g1.bodies)


def test_isaaclab_files_hold_its_order(tmp_path, g1, clip, bodies):
    names = order(g1, breadth_first=True)
    motion.save(clip, tmp_path / "a.npz", format="isaaclab-npz", bodies=bodies, joints=names.joints)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert np.allclose(archive["joint_pos"][:, ISAACLAB_OF_MUJOCO], clip.joint_pos, atol=1e-6)
        assert np.allclose(archive["body_pos_w"], bodies.pos, atol=1e-6)
        assert archive["joint_vel"].shape == (15, 29)
        assert archive["fps"].tolist() == [50.0]


@pytest.mark.parametrize("name", ["mjlab-npz", "isaaclab-npz"])
def test_a_file_with_names_is_read_by_them_whatever_it_is_called(tmp_path, g1, clip, bodies, name):
    names = order(g1, breadth_first=True)
    motion.save(clip, tmp_path / "a.npz", format="isaaclab-npz", bodies=bodies, joints=names.joints)
    for given in (None, g1.joints, names.joints):
        back = motion.load(tmp_path / "a.npz", format=name, joints=given)
        assert (back.joints, back.robot) == (names.joints, "unitree_g1")
        assert np.array_equal(back.joint_pos[:, ISAACLAB_OF_MUJOCO], clip.joint_pos)
    with pytest.raises(FormatError, match="not those that were asked for"):
        motion.load(tmp_path / "a.npz", joints=[f"j{k}" for k in range(29)])


def test_writing_says_what_it_needs(tmp_path, clip, bodies):
    with pytest.raises(UnderstudyError, match="body_tracks"):
        motion.save(clip, tmp_path / "a.npz", format="isaaclab-npz")
    with pytest.raises(UnderstudyError, match=r"robots\.orders"):
        motion.save(clip, tmp_path / "a.npz", format="isaaclab-npz", bodies=bodies)
    with pytest.raises(SkeletonMismatch, match="knee"):
        motion.save(clip, tmp_path / "a.npz", format="isaaclab-npz", bodies=bodies, joints=("knee",))
    assert not list(tmp_path.iterdir())


def test_a_pointer_of_git_lfs_is_told(tmp_path):
    (tmp_path / "a.npz").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(FormatError, match="git lfs pull"):
        motion.load(tmp_path / "a.npz", format="isaaclab-npz")
