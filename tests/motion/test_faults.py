"""Faults of capture are found where they are, healed to what the body did, and nothing else is touched."""

from dataclasses import replace

import numpy as np
import pytest

from understudy.evaluate.corruption import CORRUPTIONS
from understudy.motion import HumanMotion, load, sample, sample_every
from understudy.motion.faults import find_faults
from understudy.motion.heal import heal
from understudy.motion.local import local_poses, world_poses
from understudy.rotations import quat_angle, quat_from_rotvec, quat_mul


@pytest.fixture(scope="module")
def human():
    return replace(sample_every(sample.demo(), 30.0), tracks={})


def spoilt(human, name):
    return CORRUPTIONS[name](human, np.random.default_rng(0))


def turn_error(a, b):
    """Degrees between two clips, (time, joint)."""
    return np.rad2deg(quat_angle(a.quat.astype(np.float64), b.quat.astype(np.float64)))


def turned(human, frames, joint, rotvec):
    """The clip with a joint, and all that hangs on it, turned in its parent's frame."""
    bones, turns = local_poses(human)
    turns[frames, joint] = quat_mul(turns[frames, joint], quat_from_rotvec(np.asarray(rotvec, np.float64)))
    pos, quat = world_poses(human.skeleton, bones, turns)
    return replace(human, pos=pos, quat=quat)


def test_local_poses_lead_back(human):
    pos, quat = world_poses(human.skeleton, *local_poses(human))
    np.testing.assert_allclose(pos, human.pos, atol=1e-6)
    assert quat_angle(quat, human.quat.astype(np.float64)).max() < 1e-5


@pytest.mark.parametrize("fps", [20.0, 30.0, 60.0])
def test_a_clean_clip_is_the_same_object(fps):
    human = sample_every(sample.demo(), fps) if fps < sample.demo().fps else sample.demo()
    healed, wrong = heal(human)
    assert healed is human
    assert not wrong.any()


@pytest.mark.parametrize(
    ("name", "mean", "worst"),
    [
        ("spikes", 0.2, 3.0),
        ("wrong-frames", 1.5, 30.0),
        ("dropped-joints", 0.3, 25.0),
        ("swapped-sides", 1.0, 15.0),
        ("dropped-frames", 0.5, 10.0),
    ],
)
def test_corruptions_are_healed(human, name, mean, worst):
    bad = spoilt(human, name)
    healed, wrong = heal(bad.motion)
    error = turn_error(healed, human)
    assert turn_error(bad.motion, human).max() > 10 * mean
    assert error[bad.frames].mean() < mean
    assert error.max() < worst
    assert wrong.any()


@pytest.mark.parametrize("name", ["floor-offset", "turned-round", "jitter"])
def test_what_is_no_fault_of_a_moment_stays(human, name):
    bad = spoilt(human, name).motion
    assert heal(bad)[0] is bad


def test_only_faults_change(human):
    knee = int(human.skeleton.landmarks.carriers[human.skeleton.landmarks.index("left_knee")])
    bad = turned(human, [40, 41], knee, [[0.0, 0.0, 1.5], [1.2, 0.0, 0.0]])
    healed, wrong = heal(bad)
    assert np.argwhere(wrong).tolist() == [[40, knee], [41, knee]]
    others = np.ones(human.frames, dtype=bool)
    others[[40, 41]] = False
    np.testing.assert_array_equal(healed.quat[others], bad.quat[others])
    np.testing.assert_array_equal(healed.pos[others], bad.pos[others])
    hip = human.skeleton.parents[knee]
    np.testing.assert_array_equal(healed.quat[:, hip], bad.quat[:, hip])
    assert turn_error(healed, human).max() < 10.0
    np.testing.assert_array_equal(healed.tracks["healed"], wrong)
    assert healed.origin.history[-1] == {"arrow": "motion.heal", "frames": 2, "joints": 2}


def test_the_root_is_judged_in_the_world(human):
    pos = human.pos.copy()
    pos[50:53] += [0.0, 0.3, 0.1]
    healed, wrong = heal(replace(human, pos=pos))
    assert np.argwhere(wrong).tolist() == [[50, 0], [51, 0], [52, 0]]
    assert np.abs(healed.pos - human.pos).max() < 0.02


def test_bones_that_give_are_judged_by_their_own_liveliness(human):
    rng = np.random.default_rng(1)
    pos = human.pos + rng.normal(0.0, 0.003, human.pos.shape)
    pos[60, 5] += 0.4
    wrong = find_faults(replace(human, pos=pos))
    assert wrong[60, 5]
    assert not wrong[:55].any()
    assert not wrong[66:].any()


def test_a_sudden_turn_that_stays_is_no_fault(human):
    knee = int(human.skeleton.landmarks.carriers[human.skeleton.landmarks.index("left_knee")])
    bad = turned(human, slice(50, None), knee, [0.0, 0.8, 0.0])
    assert heal(bad)[0] is bad


def test_the_first_and_last_frames_are_left_alone(human):
    knee = int(human.skeleton.landmarks.carriers[human.skeleton.landmarks.index("left_knee")])
    bad = turned(human, [0, 1, human.frames - 1], knee, [0.0, 0.8, 0.0])
    assert heal(bad)[0] is bad


def test_a_lost_joint_is_found_in_the_first_frame_too(human):
    bones, turns = local_poses(human)
    angle = np.rad2deg(quat_angle(turns[0], np.array([1.0, 0.0, 0.0, 0.0])))
    joint = int(np.argmax(np.where(np.arange(len(angle)) > 0, angle, 0)))
    turns[0, joint] = (1.0, 0.0, 0.0, 0.0)
    pos, quat = world_poses(human.skeleton, bones, turns)
    healed, wrong = heal(replace(human, pos=pos, quat=quat))
    assert np.argwhere(wrong).tolist() == [[0, joint]]
    assert turn_error(healed, human).max() < angle[joint] / 4


def test_one_who_stands_still_repeats_no_frames(human):
    still = np.repeat(np.arange(20), 3)
    held = replace(human, pos=human.pos[still], quat=human.quat[still])
    assert not find_faults(held).any()
    frozen = replace(human, pos=human.pos[np.zeros(30, int)], quat=human.quat[np.zeros(30, int)])
    assert not find_faults(frozen).any()


@pytest.mark.parametrize("frames", [1, 2, 7, 8])
def test_short_clips(human, frames):
    short = replace(human, pos=human.pos[:frames], quat=human.quat[:frames])
    assert heal(short)[0] is short


@pytest.mark.corpus
@pytest.mark.parametrize(
    "file",
    [
        "permissive/cmu_daz/13/13_39.bvh",
        "permissive/cmu_rnn_martial/135_03.bvh",
        "permissive/cmu_rnn_indian/94_08.bvh",
        "noncommercial/bandai_namco/ds1/dataset-1_dash_active_001.bvh",
    ],
)
def test_jumps_kicks_dances_and_dashes_are_untouched(corpus, file):
    clip = load(corpus / file)
    assert isinstance(clip, HumanMotion)
    assert heal(clip)[0] is clip
    coarse = sample_every(clip, 30.0) if clip.fps > 30 else clip
    assert heal(coarse)[0] is coarse
