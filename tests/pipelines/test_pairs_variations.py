"""Variations of clips: what they change, and what they leave alone."""

from dataclasses import replace

import numpy as np
import pytest

from understudy import motion
from understudy.errors import SkeletonMismatch
from understudy.motion import sample
from understudy.pipelines.pairs_body import (
    LEGS,
    from_parts,
    leg_length,
    lowest,
    on_landmarks,
    parts_of,
    upright,
)
from understudy.pipelines.pairs_random import SOLE, random_upper, standing_legs
from understudy.pipelines.pairs_variations import FASTEST, SLOWEST, mix, proportions, warp
from understudy.rotations import quat_angle


@pytest.fixture(scope="module")
def walk():
    return on_landmarks(sample.motion("walk", fps=60.0))


@pytest.fixture(scope="module")
def wave():
    return on_landmarks(sample.motion("wave", fps=60.0))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_body_of_landmarks_is_where_the_landmarks_are(walk):
    given = sample.motion("walk", fps=60.0)
    np.testing.assert_allclose(walk.landmarks()[0], given.landmarks()[0], atol=1e-6)
    assert walk.skeleton.joints == given.skeleton.landmarks.names
    again = from_parts(walk.fps, parts_of(walk), walk)
    np.testing.assert_allclose(again.pos, walk.pos, atol=1e-5)


def test_a_body_without_a_chest_is_refused():
    given = sample.motion("stand", fps=30.0)
    marks = given.skeleton.landmarks
    without = marks.select(tuple(name for name in marks.names if name != "chest"))
    with pytest.raises(SkeletonMismatch, match="chest"):
        on_landmarks(replace(given, skeleton=replace(given.skeleton, landmarks=without)))


def test_warp_keeps_poses_and_stays_within_its_paces(walk):
    made = warp(walk, rng())
    np.testing.assert_allclose(made.pos[0], walk.pos[0], atol=1e-6)
    assert walk.duration / FASTEST - 0.1 < made.duration < walk.duration / SLOWEST + 0.1
    # Every pose is one of the source's, and the next one is later there.
    pelvis = walk.pos[:, 0].astype(np.float64)
    at = np.array([np.linalg.norm(pelvis - place, axis=1).argmin() for place in made.pos[:, 0]])
    nearest = np.linalg.norm(pelvis[at] - made.pos[:, 0], axis=1)
    assert nearest.max() < 0.02
    moving = np.linalg.norm(np.gradient(made.pos[:, 0], axis=0), axis=1) > 0.005
    assert (np.diff(at)[moving[1:]] >= 0).all()


def test_proportions_change_lengths_and_keep_the_feet_on_the_floor(walk):
    made = proportions(walk, rng(3))
    told = made.origin.history[-1]
    names = walk.skeleton.joints
    before, after = (np.linalg.norm(clip.skeleton.offsets, axis=1) for clip in (walk, made))
    for part in ("knee", "elbow", "chest"):
        k = names.index(part if part in names else f"left_{part}")
        assert after[k] / before[k] == pytest.approx(told[part], rel=1e-3)
    np.testing.assert_allclose(lowest(made), told["pelvis"] * lowest(walk), atol=1e-4)
    np.testing.assert_allclose(made.quat, walk.quat, atol=1e-5)
    assert leg_length(made) / leg_length(walk) == pytest.approx(told["pelvis"], rel=0.01)


def test_mixing_takes_legs_from_one_and_arms_from_the_other(walk, wave):
    short = min(walk.frames, wave.frames)
    lower, upper = (motion.trim(clip, 0.0, (short - 1) / 60.0) for clip in (walk, wave))
    made = mix(lower, upper, rng())
    names = made.skeleton.joints
    legs = [names.index(name) for name in (*LEGS, "pelvis")]
    np.testing.assert_allclose(made.pos[:, legs], lower.pos[:, legs], atol=1e-5)
    for name in ("left_shoulder", "right_elbow"):
        mine, theirs = parts_of(made)[name][1], parts_of(upper)[name][1]
        assert quat_angle(mine, theirs).max() < 1e-4
    assert upright(made)


def test_standing_legs_keep_their_feet_and_their_lengths(walk):
    for seed in range(4):
        parts = standing_legs(walk, 300, rng(seed))
        upper = random_upper(walk, 300, [walk], rng(seed))
        made = from_parts(walk.fps, {**parts, **upper}, walk)
        names = made.skeleton.joints
        for side in ("left", "right"):
            hip, knee, ankle = (made.pos[:, names.index(f"{side}_{p}")] for p in ("hip", "knee", "ankle"))
            assert np.ptp(ankle, axis=0).max() < 1e-3
            assert ankle[0, 2] == pytest.approx(SOLE * leg_length(walk), abs=2e-3)
            assert np.ptp(np.linalg.norm(knee - hip, axis=1)) < 1e-4
        assert made.pos[:, 0, 2].min() > 0.3 * leg_length(walk)


def test_random_arms_are_smooth_and_reach_far(walk):
    parts = random_upper(walk, 1200, [walk], rng(1))
    turns = parts["left_shoulder"][1]
    np.testing.assert_allclose(np.linalg.norm(turns, axis=1), 1.0, atol=1e-6)
    steps = quat_angle(turns[:-1], turns[1:])
    assert steps.max() < 0.35  # rad in 1/60 s: half a turn in half a second, at its fastest
    assert quat_angle(turns, turns[:1]).max() > 1.5
    again = random_upper(walk, 1200, [walk], rng(1))["left_shoulder"][1]
    np.testing.assert_array_equal(turns, again)
