"""Where a foot meets the floor: the largest flat patch that faces down."""

import numpy as np
from jaxtyping import Float
from scipy.spatial import ConvexHull, QhullError

from understudy.robots.onboarding.shapes import hull

_TILT = np.radians(40)  # a sole that leans farther than this against the shank is none
MOST_CORNERS = 12


def find(points: Float[np.ndarray, "point 3"]) -> tuple[np.ndarray, np.ndarray] | None:
    """Corners (corner, 3) of the sole of a foot and its normal, which points out of the foot; z is up, roughly.

    The patch is what lies within a few millimetres of the tangent plane with the largest such patch. None for points
    that span no volume.
    """
    found = hull(points)
    if found is None:
        return None
    a, b, c = (found.points[found.simplices[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    down = -found.equations[:, 2] > np.cos(_TILT)
    if not down.any():
        return None
    size = float(np.ptp(points, axis=0).max())
    # A flat patch of a dense mesh is many small facets with one normal.
    kinds, which = np.unique(np.round(found.equations[down, :3], 2), axis=0, return_inverse=True)
    total = np.bincount(which.ravel(), weights=area[down])
    likely = kinds[np.argsort(-total)[:40]]
    likely = np.concatenate([likely / np.linalg.norm(likely, axis=1, keepdims=True), [[0.0, 0.0, -1.0]]])
    normal = max(likely, key=lambda n: _patch_area(points, n, size) * (0.5 - 0.5 * n[2]) ** 2)
    patch = _patch(points, normal, size)
    fitted = np.linalg.svd(patch - patch.mean(axis=0))[2][2]
    fitted = fitted if fitted @ normal > 0 else -fitted
    if _patch_area(points, fitted, size) > 1.1 * _patch_area(points, normal, size):
        normal = fitted
    return corners(_patch(points, normal, size), normal, float((points @ normal).max())), normal


def corners(
    patch: Float[np.ndarray, "point 3"], normal: Float[np.ndarray, "3"], height: float
) -> Float[np.ndarray, "corner 3"]:
    """The outline of a patch with few corners, laid into the plane normal·x = height, anticlockwise seen from above."""
    side, front = _plane(normal)
    flat = np.stack([patch @ front, patch @ side], axis=1)
    outline = flat[ConvexHull(flat).vertices]
    while len(outline) > MOST_CORNERS:
        before, after = np.roll(outline, 1, axis=0), np.roll(outline, -1, axis=0)
        first, second = outline - before, after - before
        outline = np.delete(
            outline, np.argmin(np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])), axis=0
        )
    start = int(np.lexsort((outline[:, 1], np.round(outline[:, 0], 3)))[0])
    outline = np.roll(outline, -start, axis=0)
    return outline[:, :1] * front + outline[:, 1:] * side + height * normal


def _patch(points: np.ndarray, normal: np.ndarray, size: float) -> np.ndarray:
    height = points @ normal
    return points[height > height.max() - max(0.002, 0.015 * size)]


def _patch_area(points: np.ndarray, normal: np.ndarray, size: float) -> float:
    patch = _patch(points, normal, size)
    side, front = _plane(normal)
    if len(patch) < 3:
        return 0.0
    try:
        return float(ConvexHull(np.stack([patch @ front, patch @ side], axis=1)).volume)
    except QhullError:
        return 0.0


def _plane(normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sideways (left, roughly y) and forward (roughly x) directions of a plane whose normal points down."""
    side = np.cross(-normal, np.array([1.0, 0.0, 0.0]))
    side = side / np.linalg.norm(side)
    return side, np.cross(side, -normal)
