"""Repair: what is sound stays, what is made up of faults comes out certified and little changed."""

from dataclasses import replace

import numpy as np
import pytest

from understudy import evaluate, motion, robots
from understudy.errors import LimitError, SkeletonMismatch, UnknownName
from understudy.evaluate.certificate import attach
from understudy.motion import RobotMotion, sample
from understudy.retarget import SequenceFit, repair
from understudy.rotations import quat_angle


@pytest.fixture(scope="module")
def g1():
    return robots.load("unitree_g1")


@pytest.fixture(scope="module")
def sound(g1):
    """A motion without faults."""
    [made] = SequenceFit(g1)([motion.trim(sample.motion("reach", fps=30.0), 0.0, 2.0)])
    assert evaluate.certify(made, robot=g1).passed
    return made


def refused(made: RobotMotion, robot) -> list[str]:
    return [
        f"{c.name}: {c.value} ({c.where})" for c in evaluate.certify(made, robot=robot).checks if not c.passed
    ]


def altered(sound: RobotMotion, joint: str, frames: slice, *, by: float) -> RobotMotion:
    """The motion with one joint elsewhere (rad) for some frames."""
    joints = sound.joint_pos.copy()
    joints[frames, sound.joints.index(f"{joint}_joint")] += by
    return replace(sound, joint_pos=joints)


def lowered(sound: RobotMotion) -> RobotMotion:
    return replace(sound, root_pos=sound.root_pos - np.array([0.0, 0.0, 0.1], np.float32))


def hurried(sound: RobotMotion) -> RobotMotion:
    """Made of a motion that swings too fast for any motor: 1.2 rad to and fro, seven times a second."""
    swing = 0.6 * np.sin(2 * np.pi * 7.0 * np.arange(sound.frames) / sound.fps)
    joints = sound.joint_pos.copy()
    joints[:, sound.joints.index("left_elbow_joint")] += swing.astype(np.float32)
    return replace(sound, joint_pos=joints)


FAULTS = {
    "beyond the range": (lambda m: altered(m, "left_knee", slice(20, 40), by=-0.6), 0.02),
    "a spike": (lambda m: altered(m, "right_elbow", slice(30, 31), by=2.0), 0.002),
    "a step": (lambda m: altered(m, "right_elbow", slice(30, None), by=0.9), 0.02),
    "an arm in the trunk": (lambda m: altered(m, "left_shoulder_roll", slice(20, 40), by=-0.8), 0.02),
    "too fast": (hurried, 0.03),
}


def test_a_sound_motion_stays_as_it_is(g1, sound):
    mended = repair(sound, g1)
    assert not refused(mended, g1)
    # Pairs that are a hair nearer than their margin are moved by that hair.
    assert np.abs(mended.joint_pos - sound.joint_pos).max() < 2e-3
    assert np.abs(mended.joint_pos - sound.joint_pos).mean() < 1e-5
    assert np.abs(mended.root_pos - sound.root_pos).max() < 1e-4
    assert quat_angle(mended.root_quat.astype(float), sound.root_quat.astype(float)).max() < 1e-4


@pytest.mark.parametrize(("spoil", "most"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_motion_comes_out_certified_and_little_changed(g1, sound, spoil, most):
    faulty = spoil(sound)
    assert refused(faulty, g1)
    mended = repair(faulty, g1)
    assert not refused(mended, g1)
    # Against the motion before it was spoilt: what was sound is left alone.
    assert np.abs(mended.joint_pos - sound.joint_pos).mean() < most
    assert np.abs(mended.joint_pos - faulty.joint_pos).mean() < 0.05


def test_a_body_under_the_floor_is_lifted_in_every_frame(g1, sound):
    assert refused(lowered(sound), g1)
    mended = repair(lowered(sound), g1)
    assert not refused(mended, g1)
    assert np.abs(mended.joint_pos - sound.joint_pos).mean() < 0.05


def test_frames_that_are_not_finite_are_filled_in(g1, sound):
    holed = replace(sound)
    for name in ("root_pos", "root_quat", "joint_pos"):
        object.__setattr__(holed, name, getattr(sound, name).copy())
    holed.joint_pos[10:13, 4] = np.nan
    holed.root_quat[30:32] = np.inf
    holed.root_pos[0] = np.nan
    mended = repair(holed, g1)
    assert not refused(mended, g1)
    assert mended.origin.history[-1]["filled_frames"] == 6
    assert np.abs(mended.joint_pos - sound.joint_pos).max() < 0.05


def test_frames_are_filled_in_between_quaternions_of_opposite_signs(g1, sound):
    holed = replace(sound, root_quat=sound.root_quat.copy())
    object.__setattr__(holed, "root_quat", sound.root_quat.copy())
    holed.root_quat[20:] *= -1.0
    holed.root_quat[17:23] = np.nan
    mended = repair(holed, g1)
    turned = quat_angle(mended.root_quat.astype(np.float64), sound.root_quat.astype(np.float64))
    assert turned.max() < 0.1


def test_one_sound_frame_is_enough(g1, sound):
    joints = np.full_like(sound.joint_pos, np.nan)
    joints[7] = sound.joint_pos[7]
    holed = replace(sound)
    object.__setattr__(holed, "joint_pos", joints)
    mended = repair(holed, g1)
    assert not refused(mended, g1)
    np.testing.assert_allclose(mended.joint_pos, np.tile(mended.joint_pos[7], (sound.frames, 1)), atol=1e-4)


def test_a_motion_of_nothing_finite_is_refused(g1, sound):
    holed = replace(sound)
    object.__setattr__(holed, "joint_pos", np.full_like(sound.joint_pos, np.nan))
    with pytest.raises(LimitError, match="nothing to repair"):
        repair(holed, g1)


def test_a_robot_that_is_not_known_is_refused(sound):
    with pytest.raises(UnknownName, match="unitree_g9"):
        repair(replace(sound, robot="unitree_g9"))


def test_a_motion_of_another_robot_is_refused(sound):
    with pytest.raises(SkeletonMismatch):
        repair(sound, robots.load("unitree_h1"))


def test_joints_in_another_order_are_refused(g1, sound):
    turned = replace(sound, joints=sound.joints[::-1], joint_pos=sound.joint_pos[:, ::-1])
    with pytest.raises(SkeletonMismatch, match="another order"):
        repair(turned, g1)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_very_short_motions(g1, sound, frames):
    short = lowered(
        replace(
            sound,
            **{k: getattr(sound, k)[:frames] for k in ("root_pos", "root_quat", "joint_pos")},
            tracks={},
        )
    )
    mended = repair(short, g1)
    assert mended.frames == frames
    assert not refused(mended, g1)


@pytest.mark.parametrize("fps", [15.0, 60.0, 120.0])
def test_any_frame_rate(g1, fps):
    [made] = SequenceFit(g1)([motion.trim(sample.motion("reach", fps=fps), 0.0, 1.0)])
    faulty = altered(made, "left_knee", slice(5, 9), by=-0.6)
    mended = repair(faulty, g1)
    assert not refused(mended, g1)
    assert np.abs(mended.joint_pos - made.joint_pos).mean() < 0.02


def test_a_base_that_is_fixed_is_put_back():
    robot = robots.load("unitree_g1_upper")
    [made] = SequenceFit(robot)([motion.trim(sample.motion("wave", fps=30.0), 0.0, 1.0)])
    adrift = replace(made, root_pos=made.root_pos + np.float32(0.1))
    assert refused(adrift, robot)
    mended = repair(adrift)
    assert not refused(mended, robot)
    np.testing.assert_array_equal(mended.root_pos, made.root_pos)
    assert np.abs(mended.joint_pos - made.joint_pos).max() < 1e-4


def test_what_comes_with_a_motion_is_kept(g1, sound):
    certified = attach(sound, evaluate.certify(sound, robot=g1))
    mended = repair(certified, g1)
    assert set(mended.tracks) == set(sound.tracks)
    assert mended.origin.certificate is None
    told = mended.origin.history[-1]
    assert told["arrow"] == "retarget.repair"
    assert told["mean_joint_change_rad"] < 1e-4
    assert mended.origin.history[:-1] == sound.origin.history


def test_a_repaired_motion_needs_no_repair(g1, sound):
    once = repair(FAULTS["an arm in the trunk"][0](sound), g1)
    twice = repair(once, g1)
    assert np.abs(twice.joint_pos - once.joint_pos).max() < 2e-3


def test_the_motion_given_is_not_changed(g1, sound):
    faulty = lowered(sound)
    before = faulty.qpos.copy()
    repair(faulty, g1)
    np.testing.assert_array_equal(faulty.qpos, before)
