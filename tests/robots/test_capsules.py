import numpy as np
import pytest

from understudy.errors import ShapeError
from understudy.robots.capsules import Capsules, directions, fit, outside


def box(x, y, z):
    return np.array([(a, b, c) for a in (-x, x) for b in (-y, y) for c in (-z, z)], dtype=float)


def rod(start, end, radius):
    """Vertices of a capsule, fine enough to be one."""
    ball = directions(600) * radius
    return np.concatenate([ball + start, ball + end])


def test_a_capsule_is_found_again():
    start, end = np.array([0.02, 0.01, 0.1]), np.array([-0.03, 0.02, -0.15])
    found = fit(rod(start, end, 0.04), 1)
    a, b = found.start[0], found.end[0]
    if np.linalg.norm(a - start) > np.linalg.norm(b - start):
        a, b = b, a
    np.testing.assert_allclose(a, start, atol=1e-3)
    np.testing.assert_allclose(b, end, atol=1e-3)
    assert found.radius[0] == pytest.approx(0.04, abs=1e-3)
    assert found.bulge(rod(start, end, 0.04)).max() < 1e-3


def test_a_ball_is_found_again():
    found = fit(directions(500) * 0.05 + (0.1, 0.0, 0.3), 1)
    ball = directions(300)
    assert np.abs(found.distance(ball * 0.05 + (0.1, 0.0, 0.3))).max() < 1e-3


def test_more_capsules_fit_better():
    slab = box(0.1, 0.07, 0.03)
    grid = np.array([(x, y, z) for x in (-0.1, 0, 0.1) for y in (-0.07, 0, 0.07) for z in (-0.03, 0.03)])
    worst = [max(fit(slab, k).distance(grid).max(), 0) + fit(slab, k).bulge(slab).max() for k in (1, 2, 3)]
    assert worst[0] > worst[1] > worst[2]


def test_symmetric_sets_are_their_own_image():
    wedge = np.concatenate([box(0.05, 0.1, 0.1), [[0.1, 0.0, 0.2]]])
    found = fit(wedge, 3, symmetric=True)
    points = np.random.default_rng(0).normal(size=(200, 3)) * 0.2
    np.testing.assert_allclose(found.distance(points), found.mirrored().distance(points), atol=1e-9)


def test_a_floor_is_touched_from_above():
    found = fit(box(0.1, 0.04, 0.02), 2, symmetric=True, floor=-0.02)
    for end in (found.start, found.end):
        np.testing.assert_allclose(end[:, 2] - found.radius, -0.02, atol=1e-9)


def test_obstacles_are_kept_clear():
    slab = box(0.05, 0.05, 0.1)
    obstacle = np.array(
        [(0.051, y, z) for y in np.linspace(-0.05, 0.05, 9) for z in np.linspace(-0.1, 0.1, 9)]
    )
    free, kept = fit(slab, 1), fit(slab, 1, avoid=obstacle, gap=0.003)
    assert free.distance(obstacle).min() < 0
    assert kept.distance(obstacle).min() > 0.002


def test_tightness_trades_bulge_for_protrusion():
    slab = box(0.06, 0.04, 0.1)
    loose, tight = fit(slab, 1, tightness=0.2), fit(slab, 1, tightness=5.0)
    assert loose.bulge(slab).max() > tight.bulge(slab).max()
    assert loose.distance(slab).max() < tight.distance(slab).max()


def test_the_same_seed_gives_the_same_capsules():
    a, b = fit(box(0.1, 0.05, 0.05), 2, seed=3), fit(box(0.1, 0.05, 0.05), 2, seed=3)
    np.testing.assert_array_equal(a.start, b.start)
    np.testing.assert_array_equal(a.radius, b.radius)


def test_distances():
    rod = Capsules(np.array([[0.0, 0, 0]]), np.array([[0.0, 0, 1]]), np.array([0.1]))
    np.testing.assert_allclose(
        rod.distance(np.array([(0.3, 0, 0.5), (0, 0, 1.3), (0, 0, 0.5)])), (0.2, 0.2, -0.1)
    )
    surface = rod.surface(500)
    np.testing.assert_allclose(rod.distance(surface), 0.0, atol=1e-9)
    assert np.mean((surface[:, 2] > 0) & (surface[:, 2] < 1)) == pytest.approx(1 / 1.2, abs=0.01)
    np.testing.assert_allclose(
        outside(np.array([(0.3, 0.0, 0.0), (0.0, 0, 0)]), box(0.1, 0.1, 0.1)), (0.2, 0), atol=2e-3
    )


def test_nonsense_is_refused():
    with pytest.raises(ShapeError):
        fit(np.zeros((3, 3)), 1)
    with pytest.raises(ShapeError):
        fit(box(1, 1, 1), 0)
