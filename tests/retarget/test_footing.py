"""Standing feet are held still, and walking feet are left to walk."""

import numpy as np

from understudy.retarget.footing import FADE, Foot, plant
from understudy.rotations import quat_about, quat_apply

LEG, LEVEL, FPS = 0.65, 0.053, 60.0


def steps(noise=0.0, seed=0):
    """A foot that stands 1 s, swings 0.4 m forward in 0.5 s, and stands 1 s again; a little turned, a little tilted."""
    rng = np.random.default_rng(seed)
    u = np.clip((np.arange(150) / FPS - 1.0) / 0.5, 0.0, 1.0)
    ankle = np.stack([0.4 * (3 * u**2 - 2 * u**3), 0.1 + 0 * u, LEVEL + 0.3 * u * (1 - u)], -1)
    ankle += rng.normal(0, 1, ankle.shape) * noise
    quat = np.tile(quat_about("x", np.array(0.05)), (150, 1))
    return Foot(ankle, ankle + np.array([0.1, 0.0, -0.03]), ankle.copy(), quat)


def test_a_stance_is_one_placement_flat_on_the_floor():
    out = plant(steps(noise=0.002), FPS, LEG, LEVEL)
    for stance in (slice(0, 55), slice(95, 150)):
        np.testing.assert_allclose(
            out.target_pos[stance], out.target_pos[stance][:1].repeat(55, 0), atol=1e-12
        )
        np.testing.assert_allclose(out.target_pos[stance][:, 2], LEVEL)
        up = quat_apply(out.target_quat[stance], np.array([0.0, 0.0, 1.0]))
        np.testing.assert_allclose(up[:, 2], 1.0, atol=1e-9)


def test_the_swing_is_the_humans_beyond_the_fade():
    foot = steps()
    out = plant(foot, FPS, LEG, LEVEL)
    fade = round(FADE * FPS)
    middle = slice(60 + fade, 90 - fade)
    np.testing.assert_allclose(out.target_pos[middle], foot.target_pos[middle], atol=0.004)


def test_no_step_is_torn_where_a_stance_ends():
    foot = steps(noise=0.002)
    out = plant(foot, FPS, LEG, LEVEL)
    ours, theirs = (np.abs(np.diff(f.target_pos, axis=0)).max() for f in (out, foot))
    assert ours < theirs + 0.004


def test_a_foot_on_a_box_keeps_its_height():
    foot = steps()
    lifted = Foot(
        *(x + np.array([0, 0, 0.3]) for x in (foot.ankle, foot.ball, foot.target_pos)), foot.target_quat
    )
    out = plant(lifted, FPS, LEG, LEVEL)
    np.testing.assert_allclose(out.target_pos[:50, 2], LEVEL + 0.3, atol=1e-3)


def test_a_slowly_sliding_foot_is_followed_in_several_placements():
    t = np.arange(600) / FPS
    ankle = np.stack([0.03 * t, 0 * t, LEVEL + 0 * t], -1)
    foot = Foot(ankle, ankle + np.array([0.1, 0, -0.03]), ankle.copy(), np.tile([1.0, 0, 0, 0], (600, 1)))
    out = plant(foot, FPS, LEG, LEVEL)
    assert np.abs(out.target_pos - foot.target_pos).max() < 0.05
    assert np.abs(np.diff(out.target_pos, axis=0)).max() < 0.02
    standing = np.abs(np.diff(out.target_pos[:, 0])) < 1e-9
    assert 0.4 < standing.mean() < 1.0
