"""Corruptions do what their names say and nothing else, and deviations are measured in the clean clip's world."""

from dataclasses import replace

import numpy as np
import pytest
from standing import stand

from understudy import robots
from understudy.evaluate.corruption import (
    CORRUPTIONS,
    FLOOR,
    SPIKE,
    Spoilt,
    deviation,
    moved_back,
    recovery,
)
from understudy.motion import sample
from understudy.rotations import quat_about, quat_angle, quat_apply, quat_mul


@pytest.fixture(scope="module")
def human():
    return sample.motion("walk", fps=30.0)


def spoil(name, human, seed=0):
    return CORRUPTIONS[name](human, np.random.default_rng(seed))


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_corruption_keeps_the_clip_s_shape_and_repeats_by_seed(name, human):
    before = human.pos.copy(), human.quat.copy()
    a, b = spoil(name, human), spoil(name, human)
    np.testing.assert_array_equal(human.pos, before[0])
    np.testing.assert_array_equal(human.quat, before[1])
    assert (a.motion.frames, a.motion.fps) == (human.frames, human.fps)
    assert a.frames.shape == (human.frames,)
    np.testing.assert_array_equal(a.motion.pos, b.motion.pos)
    np.testing.assert_array_equal(a.frames, b.frames)
    assert a.motion.origin.history[-1]["arrow"].startswith("corrupt.")
    assert not np.array_equal(a.motion.pos, human.pos)


@pytest.mark.parametrize(
    "name", ["spikes", "wrong-frames", "dropped-joints", "swapped-sides", "dropped-frames"]
)
def test_frames_that_are_not_marked_are_untouched(name, human):
    spoilt = spoil(name, human)
    np.testing.assert_allclose(spoilt.motion.pos[~spoilt.frames], human.pos[~spoilt.frames], atol=1e-5)
    np.testing.assert_allclose(
        quat_angle(spoilt.motion.quat[~spoilt.frames], human.quat[~spoilt.frames]), 0, atol=2e-3
    )
    assert spoilt.frames.any()


@pytest.mark.parametrize("name", ["spikes", "wrong-frames", "dropped-joints"])
def test_thrown_limbs_keep_their_bones(name, human):
    spoilt = spoil(name, human)

    def bones(motion):
        parents = motion.skeleton.parents[1:]
        return np.linalg.norm(motion.pos[:, 1:] - motion.pos[:, parents], axis=-1)

    np.testing.assert_allclose(bones(spoilt.motion), bones(human), atol=1e-5)


def test_spikes_last_one_frame_and_throw_one_limb(human):
    spoilt = spoil("spikes", human)
    at = np.flatnonzero(spoilt.frames)
    assert (np.diff(at) > 1).all()
    assert not spoilt.frames[0]
    turned = quat_angle(spoilt.motion.quat[at], human.quat[at])
    np.testing.assert_allclose(turned.max(axis=1), SPIKE, atol=1e-3)
    assert ((turned > 1e-2).sum(axis=1) < len(human.skeleton.joints) / 2).all()


def test_wrong_frames_come_in_runs_of_two_to_five(human):
    assert set(runs(spoil("wrong-frames", human).frames)) <= {2, 3, 4, 5}


def test_sides_are_swapped_for_three_frames(human):
    spoilt = spoil("swapped-sides", human)
    assert set(runs(spoilt.frames)) == {3}
    marks = human.skeleton.landmarks
    (pos, quat), (pos0, quat0) = spoilt.motion.landmarks(), human.landmarks()
    left, right = marks.index("left_wrist"), marks.index("right_wrist")
    np.testing.assert_allclose(pos[spoilt.frames, left], pos0[spoilt.frames, right], atol=1e-5)
    np.testing.assert_allclose(
        quat_angle(quat[spoilt.frames, left], quat0[spoilt.frames, right]), 0, atol=2e-3
    )


def test_one_joint_in_twenty_is_dropped_and_the_root_never(human):
    spoilt = spoil("dropped-joints", human)
    np.testing.assert_allclose(spoilt.motion.pos[:, 0], human.pos[:, 0], atol=1e-6)
    assert spoilt.frames.mean() > 0.5


def test_dropped_frames_show_the_last_good_one(human):
    spoilt = spoil("dropped-frames", human)
    assert not spoilt.frames[0]
    assert 0.01 < spoilt.frames.mean() < 0.15
    t = int(np.flatnonzero(spoilt.frames)[0])
    np.testing.assert_array_equal(spoilt.motion.pos[t], human.pos[t - 1])


def test_the_whole_world_is_moved(human):
    lifted, turned = spoil("floor-offset", human), spoil("turned-round", human)
    np.testing.assert_allclose(lifted.motion.pos[..., 2] - human.pos[..., 2], FLOOR, atol=1e-6)
    assert lifted.rise == FLOOR
    np.testing.assert_allclose(turned.motion.pos, human.pos * [-1, -1, 1], atol=1e-5)
    assert turned.yaw == pytest.approx(np.pi)
    assert not lifted.frames.any()
    assert not turned.frames.any()


def test_jitter_has_its_size(human):
    shift = spoil("jitter", human).motion.pos - human.pos
    assert shift.std() == pytest.approx(0.01, rel=0.05)


def runs(frames):
    edges = np.flatnonzero(np.diff(np.concatenate([[0], frames.astype(int), [0]])))
    return edges[1::2] - edges[::2]


def test_a_motion_that_was_turned_with_the_world_does_not_deviate(g1, human):
    clean = stand(g1)
    clean = replace(clean, root_pos=clean.root_pos + np.array([1.0, 2.0, 0.0], np.float32))
    half = quat_about("z", np.pi)
    made = replace(
        clean,
        root_pos=quat_apply(half, clean.root_pos),
        root_quat=quat_mul(half, clean.root_quat),
    )
    spoilt = Spoilt(human, np.zeros(clean.frames, dtype=bool), yaw=np.pi)
    found = deviation(g1, clean, made, spoilt)
    assert found.points_worst < 1e-3
    assert found.joints_worst == 0
    assert found.root_turn_worst < 0.1
    assert found.recovery is None
    np.testing.assert_allclose(moved_back(made, spoilt).root_pos, clean.root_pos, atol=1e-5)


def test_a_fixed_base_does_not_follow_a_world_that_is_turned(g1, human):
    upper = robots.load("unitree_g1_upper")
    still = stand(upper, 20)
    spoilt = Spoilt(human, np.zeros(20, dtype=bool), yaw=np.pi)
    assert deviation(upper, still, still, spoilt).points_worst == 0.0
    assert deviation(replace(upper, fixed_base=False), still, still, spoilt).points_worst > 10.0


def test_deviations_tell_faulty_from_sound_frames_and_height_from_place(g1, human):
    clean = stand(g1)
    frames = np.zeros(clean.frames, dtype=bool)
    frames[10:12] = True
    joint_pos = clean.joint_pos.copy()
    joint_pos[10:15, 3] += np.deg2rad(30.0)
    made = replace(clean, joint_pos=joint_pos, root_pos=clean.root_pos + np.array([0, 0, 0.1], np.float32))
    found = deviation(g1, clean, made, Spoilt(human, frames))
    assert found.joints_worst == pytest.approx(30.0, abs=1e-3)
    dofs = len(g1.joints)
    assert found.joints_mean == pytest.approx(5 * 30.0 / (clean.frames * dofs), rel=1e-3)
    assert found.joints_sound == pytest.approx(3 * 30.0 / ((clean.frames - 2) * dofs), rel=1e-3)
    assert found.rise_cm == pytest.approx(10.0, abs=1e-3)
    assert found.points_worst > 1
    assert found.peak_speed == pytest.approx(np.deg2rad(30.0) * clean.fps, rel=1e-3)
    assert found.clean_peak_speed == 0
    assert found.recovery == 3


def test_recovery_counts_from_the_end_of_a_fault():
    near = np.array([1, 0, 0, 0, 1, 1, 0, 1, 0, 0], dtype=bool)
    faulty = np.array([0, 1, 0, 0, 0, 0, 1, 0, 0, 0], dtype=bool)
    assert recovery(near, faulty) == 2
    assert recovery(np.zeros(10, dtype=bool), faulty) == 4  # up to the next fault; 3 to the end of the clip
    assert recovery(near, np.zeros(10, dtype=bool)) is None
