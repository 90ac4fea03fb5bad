"""Where a body is over its feet: the base of support and how far a point is from it, seen from above."""

from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float


def distance_to_hull(
    point: Float[np.ndarray, "time 2"], corners: Float[np.ndarray, "time corner 2"]
) -> Float[np.ndarray, "time"]:
    """Distance (m) of a point from the convex hull of a few corners, frame by frame; zero inside.

    The hull is the union of the triangles between the corners, so a point is inside one of these, or nearest to one
    of the segments. Corners may coincide or lie on a line.
    """
    count = corners.shape[1]
    edges = [_to_segment(point, corners[:, a], corners[:, b]) for a, b in combinations(range(count), 2)]
    inside = np.zeros(len(point), dtype=bool)
    for a, b, c in combinations(range(count), 3):
        inside |= _in_triangle(point, corners[:, a], corners[:, b], corners[:, c])
    return np.where(inside, 0.0, np.min(edges, axis=0))


def _to_segment(p: np.ndarray, a: np.ndarray, b: np.ndarray) -> Float[np.ndarray, "time"]:
    ab = b - a
    squared = np.maximum((ab * ab).sum(-1), 1e-18)
    along = np.clip(((p - a) * ab).sum(-1) / squared, 0.0, 1.0)
    return np.linalg.norm(p - a - along[:, None] * ab, axis=-1)


def _in_triangle(p: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> Bool[np.ndarray, "time"]:
    sides = [_cross(b - a, p - a), _cross(c - b, p - b), _cross(a - c, p - c)]
    flat = np.abs(_cross(b - a, c - a)) < 1e-12
    return ((np.min(sides, axis=0) >= 0) | (np.max(sides, axis=0) <= 0)) & ~flat


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
