"""Trembling goes, motion stays, and a clip that does not tremble is not touched."""

from dataclasses import replace

import numpy as np
import pytest

from understudy.evaluate.corruption import CORRUPTIONS
from understudy.motion import HumanMotion, load, sample, sample_every
from understudy.motion.local import local_poses, world_poses
from understudy.motion.steady import noise, steady
from understudy.rotations import quat_angle, quat_from_rotvec, quat_mul


@pytest.fixture(scope="module")
def human():
    return replace(sample_every(sample.demo(), 30.0), tracks={})


@pytest.fixture(scope="module")
def jittery(human):
    return CORRUPTIONS["jitter"](human, np.random.default_rng(0)).motion


def turn_error(a, b):
    """Degrees between two clips, (time, joint)."""
    return np.rad2deg(quat_angle(a.quat.astype(np.float64), b.quat.astype(np.float64)))


@pytest.mark.parametrize("fps", [20.0, 30.0, 60.0])
def test_a_clean_clip_is_the_same_object(fps):
    clip = sample_every(sample.demo(), fps) if fps < sample.demo().fps else sample.demo()
    assert steady(clip) is clip


def test_noise_is_measured(human, jittery):
    assert np.rad2deg(np.median(noise(jittery.quat))) == pytest.approx(3.0, rel=0.1)
    assert np.median(noise(jittery.pos)) == pytest.approx(0.01, rel=0.1)
    assert np.rad2deg(np.median(noise(human.quat))) < 0.3
    spiky = jittery.pos.copy()
    spiky[::40] += 1.0
    assert np.median(noise(spiky)) < 0.015


def test_most_of_the_jitter_goes(human, jittery):
    calm = steady(jittery)
    assert turn_error(calm, human).mean() < 0.45 * turn_error(jittery, human).mean()
    off = [np.linalg.norm(clip.pos - human.pos, axis=-1) for clip in (calm, jittery)]
    assert off[0].mean() < 0.5 * off[1].mean()
    assert off[0].max() < off[1].max()
    jerk = [np.abs(np.diff(clip.pos, 3, axis=0)).mean() for clip in (calm, jittery, human)]
    assert jerk[0] < 0.2 * jerk[1]
    assert jerk[0] < 2 * jerk[2] + 0.002
    assert calm.origin.history[-1]["arrow"] == "motion.steady"


def test_no_delay_and_no_drift(human, jittery):
    calm = steady(jittery)
    height = [clip.pos[:, :, 2].mean(axis=1) for clip in (calm, human)]
    lags = [np.mean((np.roll(height[0], k)[5:-5] - height[1][5:-5]) ** 2) for k in (-1, 0, 1)]
    assert lags[1] == min(lags)
    assert np.abs((calm.pos - human.pos).mean(axis=0)).max() < 0.003


def test_one_trembling_arm_is_calmed_and_the_rest_untouched(human):
    elbow = int(human.skeleton.landmarks.carriers[human.skeleton.landmarks.index("left_elbow")])
    bones, turns = local_poses(human)
    shake = np.random.default_rng(0).normal(0.0, np.deg2rad(8.0), (human.frames, 3))
    turns[:, elbow] = quat_mul(turns[:, elbow], quat_from_rotvec(shake))
    pos, quat = world_poses(human.skeleton, bones, turns)
    bad = replace(human, pos=pos, quat=quat)
    calm = steady(bad)
    error = turn_error(calm, human)
    assert error[:, elbow].mean() < 0.5 * turn_error(bad, human)[:, elbow].mean()
    knee = int(human.skeleton.landmarks.carriers[human.skeleton.landmarks.index("left_knee")])
    assert error[:, knee].max() < 1e-3
    length = np.linalg.norm(np.diff(calm.pos[:, [human.skeleton.parents[elbow], elbow]], axis=1), axis=-1)
    assert np.ptp(length) < 1e-5


def test_a_long_clip_is_smoothed_in_stretches_without_seams(human):
    rng = np.random.default_rng(0)
    frames = 700
    t = np.arange(frames)[:, None, None] / 30.0
    pos = np.sin(t + human.pos[:1]) + human.pos[:1]
    quat = np.repeat(human.quat[:1], frames, axis=0)
    clean = replace(human, pos=pos, quat=quat)
    calm = steady(replace(clean, pos=pos + rng.normal(0.0, 0.01, pos.shape)))
    step = np.abs(np.diff(calm.pos - clean.pos, axis=0)).max(axis=(1, 2))
    assert step[[127, 255, 383, 511, 639]].max() <= step.max()
    assert np.abs(calm.pos - clean.pos).mean() < 0.004


@pytest.mark.parametrize("frames", [1, 5, 23, 24, 40])
def test_short_clips(jittery, frames):
    short = replace(jittery, pos=jittery.pos[:frames], quat=jittery.quat[:frames])
    calm = steady(short)
    assert (calm is short) == (frames < 24)
    assert calm.frames == frames


@pytest.mark.corpus
@pytest.mark.parametrize(
    "file",
    [
        "permissive/cmu_rnn_martial/135_03.bvh",
        "permissive/cmu_rnn_salsa/60_04.bvh",
        "noncommercial/bandai_namco/ds1/dataset-1_dash_active_001.bvh",
    ],
)
def test_kicks_dances_and_dashes_do_not_tremble(corpus, file):
    clip = load(corpus / file)
    assert isinstance(clip, HumanMotion)
    assert steady(clip) is clip
    coarse = sample_every(clip, 30.0) if clip.fps > 30 else clip
    assert steady(coarse) is coarse
