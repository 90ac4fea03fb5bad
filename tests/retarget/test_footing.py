"""Standing feet stay where they stand, roll without slipping, and are free in the air."""

import numpy as np
import pytest

from understudy.retarget.footing import FADE, REACH, Sole, plant
from understudy.rotations import quat_about, quat_angle, quat_apply, quat_mul

LEG, LEVEL, FPS = 0.65, 0.05, 60.0
CORNERS = np.array([[x, y, -LEVEL] for x in (-0.06, 0.14) for y in (-0.03, 0.03)])
SOLE = Sole.of(CORNERS, 0.08)
FRAMES = 150


def steps(noise=0.0, seed=0):
    """Position, orientation and stance of a foot that stands 1 s, swings 0.4 m in 0.5 s, and stands 1 s again."""
    rng = np.random.default_rng(seed)
    u = np.clip((np.arange(FRAMES) / FPS - 1.0) / 0.5, 0.0, 1.0)
    pos = np.stack([0.4 * (3 * u**2 - 2 * u**3), 0.1 + 0 * u, LEVEL + 0.3 * u * (1 - u)], -1)
    pos += rng.normal(0, 1, pos.shape) * noise
    return pos, np.tile(quat_about("x", np.array(0.05)), (FRAMES, 1)), (u <= 0) | (u >= 1)


def pivoting(pitch, ahead):
    """A foot that pitches about a point of the human's own, so far ahead of the ankle (m), not the robot's."""
    quat = quat_mul(quat_about("z", 0.4 + 0 * pitch), quat_about("y", pitch))
    return np.array([0.3, 0.2, 0.0]) - quat_apply(quat, np.array([ahead, 0.0, -0.045])), quat


def corners(foot):
    return foot.pos[:, None] + quat_apply(foot.quat[:, None], CORNERS)


def test_a_stance_is_one_placement_flat_on_the_floor():
    pos, quat, stands = steps(noise=0.002)
    foot = plant(pos, quat, stands, stands, SOLE, FPS, LEG)
    for stance in (slice(0, 60), slice(90, FRAMES)):
        np.testing.assert_allclose(foot.pos[stance], foot.pos[stance][:1].repeat(60, 0), atol=1e-12)
        np.testing.assert_allclose(corners(foot)[stance, :, 2], 0.0, atol=1e-9)
        assert np.abs(foot.pos[stance] - pos[stance]).max() < 0.01
    assert (foot.hold[stands] == 1).all()


def test_the_swing_is_the_humans_beyond_the_fade():
    pos, quat, stands = steps()
    foot, fade = plant(pos, quat, stands, stands, SOLE, FPS, LEG), round(FADE * FPS)
    air = slice(60 + fade, 90 - fade)
    np.testing.assert_allclose(foot.pos[air], pos[air], atol=1e-12)
    assert (foot.hold[air] == 0).all()
    assert (np.diff(foot.hold[59:70]) <= 0).all()
    assert 0 < foot.hold[61] < 1


def test_no_step_is_torn_where_a_stance_ends():
    pos, quat, stands = steps(noise=0.002)
    foot = plant(pos, quat, stands, stands, SOLE, FPS, LEG)
    ours, theirs = (np.abs(np.diff(p, axis=0)).max() for p in (foot.pos, pos))
    assert ours < theirs + 0.004


def test_a_foot_on_a_box_keeps_its_height():
    pos, quat, stands = steps()
    foot = plant(pos + np.array([0, 0, 0.3]), quat, stands, stands, SOLE, FPS, LEG)
    np.testing.assert_allclose(foot.pos[stands, 2], LEVEL + 0.3, atol=2e-3)


@pytest.mark.parametrize(
    ("part", "edge", "own", "sign"), [("toe", 0.14, 0.10, 1.0), ("heel", -0.06, -0.04, -1.0)]
)
def test_a_sole_rolls_over_its_edge_without_slipping(part, edge, own, sign):
    pitch = sign * np.clip((np.arange(FRAMES) / FPS - 1.0) * 1.2, 0.0, 0.8)
    pos, quat = pivoting(pitch, own)
    flat, always = pitch == 0, np.ones(FRAMES, bool)
    toe, heel = (always, flat) if part == "toe" else (flat, always)
    foot = plant(pos, quat, toe, heel, SOLE, FPS, LEG)
    resting = corners(foot)[:, CORNERS[:, 0] == edge]
    np.testing.assert_allclose(resting[..., 2], 0.0, atol=1e-9)
    np.testing.assert_allclose(resting, resting[:1].repeat(FRAMES, 0), atol=1e-9)
    np.testing.assert_allclose(corners(foot)[flat][..., 2], 0.0, atol=1e-9)
    assert quat_angle(foot.quat[-1], quat[-1]) < 1e-6
    assert np.linalg.norm(foot.pos - pos, axis=-1).max() < 0.06


def test_a_skating_source_is_cleaned():
    pos, quat, _ = steps()
    slid = pos + np.linspace(0, 1.8 * REACH * LEG, FRAMES)[:, None] * np.array([0.0, 1.0, 0.0])
    always = np.ones(FRAMES, bool)
    foot = plant(slid * [0, 1, 1], quat, always, always, SOLE, FPS, LEG)
    np.testing.assert_allclose(foot.pos, foot.pos[:1].repeat(FRAMES, 0), atol=1e-12)


def test_a_foot_that_really_slides_is_followed_smoothly():
    t = np.arange(600) / FPS
    pos = np.stack([0.03 * t, 0 * t, LEVEL + 0 * t], -1)
    always = np.ones(600, bool)
    foot = plant(pos, np.tile([1.0, 0, 0, 0], (600, 1)), always, always, SOLE, FPS, LEG)
    assert np.abs(foot.pos - pos).max() < REACH * LEG + 1e-3
    assert np.abs(np.diff(foot.pos, axis=0)).max() <= 0.03 / FPS + 1e-9
    assert np.abs(np.diff(foot.pos, 2, axis=0)).max() * FPS**2 < 1.0


def test_turning_on_the_spot_follows_about_the_ball():
    yaw = np.linspace(0, 2.0, FRAMES)
    pos = np.array([0.0, 0.0, LEVEL]) - quat_apply(quat_about("z", yaw), np.array([0.08, 0.0, 0.0]))
    always = np.ones(FRAMES, bool)
    foot = plant(pos, quat_about("z", yaw), always, always, SOLE, FPS, LEG)
    ball = foot.pos + quat_apply(foot.quat, SOLE.ball)
    assert np.linalg.norm(ball - ball[0], axis=-1).max() < 0.005
    assert quat_angle(foot.quat, quat_about("z", yaw)).max() < 0.17


def test_feet_of_a_body_that_lies_are_left_alone():
    pos, quat, _ = steps()
    always, on_its_side = np.ones(FRAMES, bool), quat_mul(quat, quat_about("x", np.array(1.5)))
    foot = plant(pos, on_its_side, always, always, SOLE, FPS, LEG)
    np.testing.assert_array_equal(foot.pos, pos)
    assert not foot.hold.any()


def test_a_source_that_contradicts_itself_does_not_throw_the_foot_about():
    pos, quat, _ = steps()
    quat = quat_mul(
        quat, quat_about("y", np.array(0.8))
    )  # heel high, and yet, in every fourth frame, on the heel alone
    always, often = np.ones(FRAMES, bool), np.arange(FRAMES) % 4 > 0
    foot = plant(pos * [0, 1, 1], quat, often, always, SOLE, FPS, LEG)
    assert np.abs(np.diff(foot.pos, axis=0)).max() < 0.02


def test_a_foot_that_is_off_for_an_instant_was_not():
    pos, quat, stands = steps()
    pos[30:33] += [0.05, 0.3, 0.2]
    stands[30:33] = False
    foot = plant(pos, quat, stands, stands, SOLE, FPS, LEG)
    np.testing.assert_allclose(foot.pos[:60], foot.pos[:1].repeat(60, 0), atol=1e-12)
    assert (foot.hold[:60] == 1).all()


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_short_clips(frames):
    pos, quat, stands = (a[:frames] for a in steps())
    foot = plant(pos, quat, stands, stands, SOLE, 30.0, LEG)
    assert np.isfinite(foot.pos).all()
